import { Button, Group, Paper, Select, Text, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch, IconX } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { EmptyState, tellDone, tellFailed } from "@/components/ui";
import { count, counted } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { useExcludeImages } from "../api/exclude-images";
import { imagesQuery, IMAGES_A_PAGE, type ImageFilters } from "../api/list-images";
import type { CatalogImage, Collection } from "../api/types";
import { CollectionFrame } from "../components/CollectionFrame";
import { ImageDrawer } from "../components/ImageDrawer";
import { ImageGrid } from "../components/ImageGrid";
import classes from "./Images.module.css";

const REASONS = ["illustration", "multipanel", "duplicate", "unreadable"];

/** `/collections/:slug`: its images. */
export function Images() {
  return (
    <CollectionFrame tab="images">
      {(collection) => <Browse collection={collection} />}
    </CollectionFrame>
  );
}

/** Search, look at one, screen by hand. */
function Browse({ collection }: { collection: Collection }) {
  const [params, setParams] = useSearchParams();
  const filters: ImageFilters = {
    search: params.get("search") ?? "",
    excluded: params.get("excluded") ?? "",
  };
  const [typed, setTyped] = useState(filters.search ?? "");
  const [total, setTotal] = useState<number | null>(null);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const set = (name: string, value: string) => {
    setParams(
      (before) => {
        const after = new URLSearchParams(before);
        if (value) after.set(name, value);
        else after.delete(name);
        return after;
      },
      { replace: true },
    );
  };
  const search = useDebouncedCallback((value: string) => set("search", value), 250);
  const filtered = filters.search !== "" || filters.excluded !== "";

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
        Drop files, a folder or a zip; what the manifest says about them comes along.
      </EmptyState>
    );
  }
  return (
    <>
      <Group mb="md" gap="sm">
        <TextInput
          aria-label="Search the images"
          placeholder="Search names, captions, metadata"
          leftSection={<IconSearch size={16} aria-hidden />}
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            search(event.currentTarget.value);
          }}
          className={classes.search}
        />
        <Select
          aria-label="Screening"
          value={filters.excluded || "all"}
          onChange={(value) => set("excluded", value === "all" ? "" : (value ?? ""))}
          data={[
            { value: "all", label: "All images" },
            { value: "none", label: "Taking part" },
            { value: "any", label: "Screened out" },
            ...REASONS.slice(0, 2).map((value) => ({ value, label: `Screened out: ${value}` })),
          ]}
          allowDeselect={false}
          w={210}
        />
        {total !== null && (
          <Text size="sm" c="dimmed" className="tabular" role="status">
            {filtered
              ? `${count(total)} of ${counted(collection.n_images, "image")}`
              : counted(total, "image")}
          </Text>
        )}
      </Group>
      <ImageGrid
        slug={collection.slug}
        filters={filters}
        selected={selected}
        onSelect={(images, on) =>
          setSelected((before) => {
            const after = new Set(before);
            for (const { image_id } of images) {
              if (on) after.add(image_id);
              else after.delete(image_id);
            }
            return after;
          })
        }
        onOpen={(_, index) => set("at", String(index))}
        onTotal={setTotal}
        empty={
          <EmptyState title="No image matches">
            Search for less, or show all images instead of a part.
          </EmptyState>
        }
      />
      <Screening slug={collection.slug} selected={selected} onDone={() => setSelected(new Set())} />
      <Detail
        slug={collection.slug}
        filters={filters}
        at={params.get("at")}
        total={total ?? 0}
        onMove={(index) => set("at", index === null ? "" : String(index))}
      />
    </>
  );
}

/** Screen in or out, with the way back in the message. */
function useScreening(slug: string) {
  const exclude = useExcludeImages(slug);
  return (images: string[], reason: string, undo: string | null) =>
    exclude.mutate(
      { image_ids: images, excluded: reason },
      {
        onSuccess: ({ changed }) =>
          tellDone({
            message: reason
              ? `${counted(changed, "image")} screened out as ${reason}.`
              : `${counted(changed, "image")} taken back in.`,
            undo:
              undo === null
                ? undefined
                : () => exclude.mutate({ image_ids: images, excluded: undo }),
          }),
        onError: tellFailed,
      },
    );
}

interface ScreeningProps {
  slug: string;
  selected: ReadonlySet<string>;
  onDone: () => void;
}

/** The bar that appears with a selection. */
function Screening({ slug, selected, onDone }: ScreeningProps) {
  const [reason, setReason] = useState("illustration");
  const screen = useScreening(slug);
  const client = useQueryClient();
  const images = [...selected];
  // Undo restores what was only when it was the same for all of them.
  const before = new Set(
    client
      .getQueriesData<{ results: CatalogImage[] }>({
        queryKey: ["catalog", "collection", slug, "images"],
      })
      .flatMap(([, page]) => page?.results ?? [])
      .filter(({ image_id }) => selected.has(image_id))
      .map(({ excluded }) => excluded),
  );
  const undo = before.size === 1 ? ([...before][0] ?? null) : null;
  const act = (excluded: string) => {
    screen(images, excluded, undo);
    onDone();
  };
  useKeys([
    {
      keys: "Escape",
      label: "Clear the selection",
      enabled: selected.size > 0,
      run: onDone,
    },
  ]);
  if (selected.size === 0) return null;
  return (
    <Paper
      withBorder
      shadow="md"
      p="sm"
      className={classes.bar}
      role="region"
      aria-label="Screening"
    >
      <Text size="sm" fw={550} className="tabular">
        {counted(selected.size, "image")}
      </Text>
      <Select
        aria-label="Reason"
        data={REASONS}
        value={reason}
        onChange={(value) => setReason(value ?? "illustration")}
        allowDeselect={false}
        size="sm"
        w={150}
        comboboxProps={{ position: "top" }}
      />
      <Button size="sm" onClick={() => act(reason)}>
        Screen out
      </Button>
      <Button size="sm" variant="default" onClick={() => act("")}>
        Take back in
      </Button>
      <Button
        size="sm"
        variant="subtle"
        color="gray"
        onClick={onDone}
        leftSection={<IconX size={16} aria-hidden />}
      >
        Clear
      </Button>
    </Paper>
  );
}

interface DetailProps {
  slug: string;
  filters: ImageFilters;
  at: string | null;
  total: number;
  onMove: (index: number | null) => void;
}

function Detail({ slug, filters, at, total, onMove }: DetailProps) {
  const index = at !== null && /^\d+$/.test(at) ? Number(at) : null;
  const page = useQuery({
    ...imagesQuery(slug, filters, Math.floor((index ?? 0) / IMAGES_A_PAGE) + 1),
    enabled: index !== null,
  });
  const image = index === null ? null : (page.data?.results[index % IMAGES_A_PAGE] ?? null);
  const screen = useScreening(slug);
  return (
    <ImageDrawer
      image={image}
      onClose={() => onMove(null)}
      onStep={
        index === null || total < 2 ? undefined : (by) => onMove((index + by + total) % total)
      }
      actions={
        image &&
        (image.excluded ? (
          <Button
            variant="default"
            size="xs"
            onClick={() => screen([image.image_id], "", image.excluded)}
          >
            Take back in
          </Button>
        ) : (
          <Group gap="xs">
            <Button
              variant="default"
              size="xs"
              component={Link}
              to={`/collections/${slug}/explore?image=${encodeURIComponent(image.image_id)}`}
            >
              Explore
            </Button>
            <Button
              variant="default"
              size="xs"
              onClick={() => screen([image.image_id], "illustration", "")}
            >
              Screen out as illustration
            </Button>
          </Group>
        ))
      }
    />
  );
}
