import { Button, Group, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { EmptyState, QueryState } from "@/components/ui";
import { CollectionFrame, type Collection } from "@/features/catalog";
import { useTargetJobs } from "@/features/jobs";
import { count } from "@/lib/format";
import {
  screenedImagesQuery,
  screeningKey,
  screeningQuery,
  SCREENED_A_PAGE,
  type ScreeningFilters,
} from "../api/screening";
import type { ScreeningState } from "../api/types";
import { Desk } from "../components/screening/Desk";
import { Side } from "../components/screening/Side";
import { isState, STATES } from "../lib/screening";
import { useLabelling } from "../lib/useLabelling";
import classes from "./Screening.module.css";

/** `/collections/:slug/screening`: say what takes part, the machine's doubts first. */
export function Screening() {
  return (
    <CollectionFrame tab="screening">
      {(collection) => <Panel collection={collection} />}
    </CollectionFrame>
  );
}

function Panel({ collection }: { collection: Collection }) {
  const state = useQuery({
    ...screeningQuery(collection.slug),
    enabled: collection.n_images > 0,
  });
  if (collection.n_images === 0) {
    return (
      <EmptyState
        title="No image yet"
        action={
          <Button component={Link} to={`/collections/${collection.slug}/import`}>
            Import images
          </Button>
        }
      >
        Screening finds charts, diagrams and figures of several panels among the images: import
        images first.
      </EmptyState>
    );
  }
  return (
    <QueryState query={state} failure="The screening could not be read">
      {(data) => <Work slug={collection.slug} state={data} />}
    </QueryState>
  );
}

function Work({ slug, state }: { slug: string; state: ScreeningState }) {
  const [params, setParams] = useSearchParams();
  const asked = params.get("state");
  const filters: ScreeningFilters = {
    state: isState(asked) ? asked : "unsure",
    search: params.get("search") ?? "",
    page: Math.max(1, Number(params.get("page")) || 1),
  };
  const [typed, setTyped] = useState(filters.search);
  const set = (changes: Record<string, string>) =>
    setParams(
      (before) => {
        const after = new URLSearchParams(before);
        for (const [name, value] of Object.entries(changes)) {
          if (value) after.set(name, value);
          else after.delete(name);
        }
        return after;
      },
      { replace: true },
    );
  const search = useDebouncedCallback((value: string) => set({ search: value, page: "" }), 250);
  const client = useQueryClient();
  // However short a job was: what it wrote is read when it has ended.
  const jobs = useTargetJobs(`collection:${slug}`, () => {
    void client.invalidateQueries({ queryKey: [...screeningKey(slug), "state"] });
    void client.invalidateQueries({ queryKey: ["catalog", "collection", slug] });
  }).filter(({ kind }) => kind === "screen_images");
  const failed = jobs[0]?.state === "failed" ? jobs[0] : null;
  return (
    <>
      <Group gap="sm" mb="md">
        <Select
          aria-label="Which images"
          className={classes.states}
          value={filters.state}
          allowDeselect={false}
          onChange={(value) => set({ state: value === "unsure" ? "" : (value ?? ""), page: "" })}
          data={STATES.map(({ state: value, label }) => ({
            value,
            label: `${label} (${count(state.counts[value])})`,
          }))}
        />
        <TextInput
          aria-label="Search the images"
          placeholder="Search names"
          className={classes.search}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            search(event.currentTarget.value);
          }}
        />
      </Group>
      <div className={classes.columns}>
        <Images
          slug={slug}
          filters={filters}
          onPage={(page) => set({ page: page > 1 ? String(page) : "" })}
        />
        <Side slug={slug} state={state} failed={failed} />
      </div>
    </>
  );
}

interface ImagesProps {
  slug: string;
  filters: ScreeningFilters;
  onPage: (page: number) => void;
}

function Images({ slug, filters, onPage }: ImagesProps) {
  const page = useQuery(screenedImagesQuery(slug, filters));
  const labelling = useLabelling(slug);
  const { state, search, page: number } = filters;
  return (
    <QueryState query={page} failure="The images could not be read">
      {({ results, count: total }) => {
        if (results.length === 0) {
          return (
            <EmptyState title={search ? "No image matches" : EMPTY[state]}>
              {search ? "Search for less." : "Choose other images above."}
            </EmptyState>
          );
        }
        const labelled = results.filter((image) => labelling.labelOf(image) !== image.label).length;
        const isLast = number * SCREENED_A_PAGE >= total;
        // Labelled images leave the list of the doubtful: reading it again brings the next ones.
        const again = state === "unsure" && labelled > 0;
        const onMore = again
          ? () => (number === 1 ? void page.refetch() : onPage(1))
          : isLast
            ? undefined
            : () => onPage(number + 1);
        return (
          <Desk
            key={`${state} ${search} ${number} ${page.dataUpdatedAt}`}
            images={results}
            labelling={labelling}
            first={(number - 1) * SCREENED_A_PAGE}
            total={total}
            more={again ? "Most doubtful now" : "Next page"}
            onMore={onMore}
            onBack={number > 1 ? () => onPage(number - 1) : undefined}
          />
        );
      }}
    </QueryState>
  );
}

const EMPTY: Record<ScreeningFilters["state"], string> = {
  unsure: "Every image is labelled",
  labelled: "No label yet",
  disputed: "Labels and model agree",
  illustration: "No illustration is out",
  multipanel: "No figure of several panels is out",
  keep: "No image takes part",
  all: "No image",
};
