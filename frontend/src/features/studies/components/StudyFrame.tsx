import { Anchor, Badge, Group, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { Page, QueryState } from "@/components/ui";
import { mayBe, useSignedInUser } from "@/features/accounts";
import { counted } from "@/lib/format";
import { studyQuery } from "../api/get-study";
import type { Study, StudyState } from "../api/types";

const TABS = [
  { tab: "design", label: "Design", needs: "admin" },
  { tab: "monitor", label: "Monitor", needs: "admin" },
  { tab: "report", label: "Report", needs: "researcher" },
] as const;

const COLOURS: Record<StudyState, string> = { draft: "gray", open: "petrol", closed: "gray" };

export function StudyBadges({ study }: { study: Pick<Study, "state" | "is_simulated"> }) {
  return (
    <Group gap={6} component="span" wrap="nowrap">
      <Badge color={COLOURS[study.state]} style={{ flex: "none" }}>
        {study.state}
      </Badge>
      {study.is_simulated && (
        <Badge color="yellow" autoContrast variant="filled" style={{ flex: "none" }}>
          simulated
        </Badge>
      )}
    </Group>
  );
}

interface Props {
  tab: (typeof TABS)[number]["tab"];
  actions?: (study: Study) => ReactNode;
  children: (study: Study) => ReactNode;
}

/** What the pages of a study share: its name, its state, and the way between them. */
export function StudyFrame({ tab, actions, children }: Props) {
  const { slug = "" } = useParams();
  const user = useSignedInUser();
  const navigate = useNavigate();
  const study = useQuery(studyQuery(slug));
  return (
    <Page
      title={study.data?.name ?? slug}
      above={
        <Anchor component={Link} to="/studies" size="sm">
          Studies
        </Anchor>
      }
      lead={study.data && <Lead study={study.data} />}
      actions={study.data && actions?.(study.data)}
      width="wide"
    >
      <QueryState query={study} failure="The study could not be read">
        {(data) => (
          <Tabs
            value={tab}
            onChange={(value) => void navigate(`/studies/${slug}/${value ?? "design"}`)}
          >
            <Tabs.List mb="lg">
              {TABS.filter(({ needs }) => mayBe(user, needs)).map((each) => (
                <Tabs.Tab key={each.tab} value={each.tab}>
                  {each.label}
                </Tabs.Tab>
              ))}
            </Tabs.List>
            <Tabs.Panel value={tab}>{children(data)}</Tabs.Panel>
          </Tabs>
        )}
      </QueryState>
    </Page>
  );
}

function Lead({ study }: { study: Study }) {
  const words = [counted(study.n_queries, "query", "queries")];
  if (study.n_pairs > 0) words.push(counted(study.n_pairs, "pair"));
  if (study.n_judgments_planned > 0)
    words.push(`${counted(study.n_judgments_planned, "judgment")} planned`);
  return (
    <Group gap="sm" className="tabular" component="span">
      <StudyBadges study={study} />
      <span>{words.join(" · ")}</span>
      <Anchor component={Link} to={`/collections/${study.collection}/explore`} size="sm">
        Explore its images
      </Anchor>
    </Group>
  );
}
