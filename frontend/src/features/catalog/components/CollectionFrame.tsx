import { Anchor, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { Page, QueryState } from "@/components/ui";
import { mayBe, useSignedInUser } from "@/features/accounts";
import { count, counted } from "@/lib/format";
import { collectionQuery } from "../api/get-collection";
import type { Collection } from "../api/types";
import classes from "./CollectionFrame.module.css";

const TABS = [
  { tab: "images", label: "Images", path: "", needs: "admin" },
  { tab: "import", label: "Import", path: "/import", needs: "admin" },
  { tab: "screening", label: "Screening", path: "/screening", needs: "admin" },
  { tab: "spaces", label: "Feature spaces", path: "/spaces", needs: "admin" },
  { tab: "explore", label: "Explore", path: "/explore", needs: "researcher" },
] as const;

interface Props {
  tab: (typeof TABS)[number]["tab"];
  children: (collection: Collection) => ReactNode;
}

/** What the pages of a collection share: its name, its numbers, and the way between them. */
export function CollectionFrame({ tab, children }: Props) {
  const { slug = "" } = useParams();
  const navigate = useNavigate();
  const user = useSignedInUser();
  const tabs = TABS.filter(({ needs }) => mayBe(user, needs));
  const collection = useQuery(collectionQuery(slug));
  return (
    <Page
      title={collection.data?.name ?? slug}
      above={
        mayBe(user, "admin") && (
          <Anchor component={Link} to="/collections" size="sm">
            Collections
          </Anchor>
        )
      }
      lead={collection.data && <Lead collection={collection.data} />}
      width="wide"
    >
      <QueryState query={collection} failure="The collection could not be read">
        {(data) => (
          <Tabs
            value={tab}
            onChange={(value) => {
              const path = TABS.find((each) => each.tab === value)?.path ?? "";
              void navigate(`/collections/${slug}${path}`);
            }}
          >
            <Tabs.List mb="md" className={classes.tabs}>
              {tabs.map((each) => (
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

function Lead({ collection }: { collection: Collection }) {
  const words = [counted(collection.n_images, "image")];
  if (collection.n_excluded > 0) words.push(`${count(collection.n_excluded)} screened out`);
  if (collection.n_captions > 0) words.push(counted(collection.n_captions, "caption"));
  return (
    <span className="tabular">
      {words.join(" · ")}
      {collection.description && (
        <>
          <br />
          {collection.description}
        </>
      )}
    </span>
  );
}
