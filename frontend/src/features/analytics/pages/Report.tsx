import { Alert, SegmentedControl, Stack, Text } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { ComponentType } from "react";
import { Navigate, useNavigate, useParams } from "react-router";
import { QueryState } from "@/components/ui";
import { StudyFrame } from "@/features/studies";
import { count } from "@/lib/format";
import { reportQuery } from "../api/get-report";
import type { Notice, Report as ReportData } from "../api/types";
import { AgreementSection } from "../components/AgreementSection";
import type { SectionProps } from "../components/Figures";
import { PeopleSection } from "../components/PeopleSection";
import { PrecisionSection } from "../components/PrecisionSection";
import { ReleaseSection } from "../components/ReleaseSection";
import { ModelsSection, PoolSection } from "../components/sections";
import classes from "./Report.module.css";

interface Shown {
  value: string;
  label: string;
  /** What it makes of the report; null where the report is not needed. */
  Section: ComponentType<SectionProps> | null;
}

const SECTIONS: Shown[] = [
  { value: "agreement", label: "Agreement", Section: AgreementSection },
  { value: "models", label: "Models", Section: ModelsSection },
  { value: "precision", label: "Precision", Section: PrecisionSection },
  { value: "people", label: "People", Section: PeopleSection },
  { value: "pool", label: "Pool", Section: PoolSection },
  { value: "release", label: "Release", Section: null },
];

/** `/studies/:slug/report/:section`: what the judgments mean. */
export function Report() {
  const { slug = "", section } = useParams();
  if (!SECTIONS.some(({ value }) => value === section)) {
    return <Navigate to={`/studies/${slug}/report/agreement`} replace />;
  }
  return (
    <StudyFrame tab="report">{() => <Loaded slug={slug} section={section ?? ""} />}</StudyFrame>
  );
}

function Loaded({ slug, section }: { slug: string; section: string }) {
  const navigate = useNavigate();
  const report = useQuery(reportQuery(slug));
  const shown = SECTIONS.find(({ value }) => value === section);
  return (
    <Stack gap="lg">
      <div className={classes.sections}>
        <SegmentedControl
          aria-label="Section"
          value={section}
          onChange={(value) => void navigate(`/studies/${slug}/report/${value}`)}
          data={SECTIONS.map(({ value, label }) => ({ value, label }))}
        />
      </div>
      {shown?.Section ? (
        <QueryState query={report} failure="The report could not be computed">
          {(data) => (
            <>
              <Notices notices={data.notices} />
              <Facts report={data} />
              {shown.Section && <shown.Section slug={slug} report={data} />}
            </>
          )}
        </QueryState>
      ) : (
        <ReleaseSection slug={slug} />
      )}
    </Stack>
  );
}

const GRAVE = new Set(["simulated", "labels"]);

function Notices({ notices }: { notices: Notice[] }) {
  if (notices.length === 0) return null;
  const grave = notices.filter(({ code }) => GRAVE.has(code));
  const others = notices.filter(({ code }) => !GRAVE.has(code));
  return (
    <Stack gap="xs">
      {grave.map(({ code, text }) => (
        <Alert key={code} color="yellow" variant="light" icon={<IconInfoCircle aria-hidden />}>
          <Text size="sm" fw={550}>
            {text}
          </Text>
        </Alert>
      ))}
      {others.length > 0 && (
        <Alert color="gray" variant="light" icon={<IconInfoCircle aria-hidden />}>
          {others.map(({ code, text }) => (
            <Text key={code} size="sm">
              {text}
            </Text>
          ))}
        </Alert>
      )}
    </Stack>
  );
}

function Facts({ report: { counts } }: { report: ReportData }) {
  const facts: [string, number][] = [
    ["Queries", counts.n_queries],
    ["Assessors", counts.n_assessors],
    ["Judgments", counts.n_ratings],
    ["Judged pairs", counts.n_items],
    ["of these by two or more", counts.n_items_multi],
    ["Could not be judged", counts.n_unjudgeable],
  ];
  return (
    <dl className={`${classes.facts} tabular`}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{count(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
