import { Button, Group, Skeleton, Stack, Text, Tooltip } from "@mantine/core";
import { Dropzone } from "@mantine/dropzone";
import { IconArrowsShuffle, IconPhotoUp, IconPlus } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { Delayed, EmptyState, ProblemAlert, QueryState, tellFailed } from "@/components/ui";
import { qualitative } from "@/config/palette";
import { mayBe, useSignedInUser } from "@/features/accounts";
import { CollectionFrame, randomImage, type Collection } from "@/features/catalog";
import { UseAsQuery } from "@/features/studies";
import { useKeys } from "@/lib/keys";
import { explorationQuery, isAnswered, type Picture } from "../api/explore";
import { fusionKindsQuery } from "../api/list-fusion-kinds";
import { methodsQuery } from "../api/list-methods";
import { spacesQuery } from "../api/list-spaces";
import type { Exploration, Method, Space } from "../api/types";
import { Chooser, UploadButton } from "../components/explorer/Chooser";
import { Columns, type Naming } from "../components/explorer/Columns";
import { MethodPicker } from "../components/explorer/MethodPicker";
import { CommonMatrix, CutoffControl, FoundBy } from "../components/explorer/Shared";
import { cutoffOf, fusionParts, methodsAtFirst, readyMethods } from "../lib/explorer";
import { usePicture } from "../lib/usePicture";
import classes from "./Explore.module.css";

/** `/collections/:slug/explore`: what the methods find for one image, side by side. */
export function Explore() {
  return (
    <CollectionFrame tab="explore">
      {(collection) => <Ready key={collection.slug} collection={collection} />}
    </CollectionFrame>
  );
}

/** What has to be there first: images, and a feature space that is complete. */
function Ready({ collection }: { collection: Collection }) {
  const user = useSignedInUser();
  const isAdmin = mayBe(user, "admin");
  const methods = useQuery(methodsQuery());
  const spaces = useQuery(spacesQuery(collection.slug));
  if (collection.n_images === 0) {
    return (
      <EmptyState
        title="No image yet"
        action={
          isAdmin && (
            <Button component={Link} to={`/collections/${collection.slug}/import`}>
              Import images
            </Button>
          )
        }
      >
        The explorer shows what search methods find for an image: import images first.
      </EmptyState>
    );
  }
  return (
    <QueryState query={methods} failure="The methods could not be read">
      {(all) => (
        <QueryState query={spaces} failure="The feature spaces could not be read">
          {(its) =>
            readyMethods(all, its).length > 0 ? (
              <Explorer collection={collection} methods={all} spaces={its} isAdmin={isAdmin} />
            ) : (
              <EmptyState
                title="No feature space is ready"
                action={
                  isAdmin && (
                    <Button component={Link} to={`/collections/${collection.slug}/spaces`}>
                      Compute feature spaces
                    </Button>
                  )
                }
              >
                Methods search in numbers that are computed once for every image.
                {!isAdmin && " Ask an admin to compute them for this collection."}
              </EmptyState>
            )
          }
        </QueryState>
      )}
    </QueryState>
  );
}

/** For the list of keys only: the columns themselves act on them while they have the focus. */
const IN_THE_COLUMNS = [
  { keys: "↑ ↓", label: "The result before, the next one" },
  { keys: "← →", label: "The same image in the next column, or the same rank" },
  { keys: "↵", label: "Look this image up" },
].map((key) => ({ ...key, group: "Results", run: () => undefined }));

interface ExplorerProps {
  collection: Collection;
  methods: Method[];
  spaces: Space[];
  isAdmin: boolean;
}

function Explorer({ collection, methods, spaces, isAdmin }: ExplorerProps) {
  const { slug } = collection;
  const client = useQueryClient();
  const [params, setParams] = useSearchParams();
  const { picture, chooseImage, chooseFile, clear } = usePicture();
  const [onlyFoundBy, setOnlyFoundBy] = useState<number | null>(null);
  const [asQuery, setAsQuery] = useState(false);
  const ready = readyMethods(methods, spaces);
  const chosen = params.get("methods")?.split(",").filter(Boolean) ?? methodsAtFirst(ready, spaces);
  const n = cutoffOf(params.get("n"));
  const naming = useNaming(methods, chosen);
  const exploration = useQuery(explorationQuery(client, slug, picture, chosen));
  const answer = exploration.data;

  const set = (name: string, value: string) =>
    setParams(
      (before) => {
        const after = new URLSearchParams(before);
        after.set(name, value);
        return after;
      },
      { replace: true },
    );
  const chooseAny = () => void randomImage(collection).then(chooseImage, tellFailed);
  useKeys([
    { keys: "r", label: "Any image", run: chooseAny },
    {
      keys: "q",
      label: "Use the image as a query",
      enabled: isAdmin && picture !== null,
      run: () => setAsQuery(true),
    },
    { keys: "c", label: "Choose another image", enabled: picture !== null, run: clear },
    ...(picture === null ? [] : IN_THE_COLUMNS),
  ]);

  const drop = (
    <Dropzone.FullScreen
      active
      multiple={false}
      useFsAccessApi={false}
      onDrop={(files) => files[0] && chooseFile(files[0])}
      onReject={() => tellFailed(new Error("One image at a time, please."))}
      inputProps={{ "aria-label": "An image from elsewhere" }}
    >
      <Stack align="center" justify="center" gap="xs" h="60vh">
        <IconPhotoUp size={40} stroke={1.4} aria-hidden />
        <Text fw={550} size="lg">
          Drop the image to look it up
        </Text>
      </Stack>
    </Dropzone.FullScreen>
  );

  if (picture === null) {
    return (
      <>
        {drop}
        <Chooser slug={slug} onChoose={chooseImage} onRandom={chooseAny} onFile={chooseFile} />
      </>
    );
  }
  return (
    <div className={classes.page}>
      {drop}
      <aside className={classes.aside} aria-label="The image">
        <QueryImage picture={picture} answer={answer} />
        <Group gap={8}>
          {isAdmin && (
            <Button
              size="xs"
              leftSection={<IconPlus size={16} aria-hidden />}
              onClick={() => setAsQuery(true)}
            >
              Use as query
            </Button>
          )}
          <Button size="xs" variant="default" onClick={clear}>
            Another image
          </Button>
          <Tooltip label="Any image (R)">
            <Button size="xs" variant="default" onClick={chooseAny} aria-label="Any image" px={9}>
              <IconArrowsShuffle size={16} aria-hidden />
            </Button>
          </Tooltip>
          <UploadButton size="xs" onFile={chooseFile} />
        </Group>
        <div className={classes.shared}>
          {answer && (
            <>
              <CommonMatrix
                exploration={answer}
                methods={answer.methods.map(({ method }) => method)}
                n={n}
                naming={naming}
              />
              <FoundBy exploration={answer} n={n} chosen={onlyFoundBy} onChoose={setOnlyFoundBy} />
            </>
          )}
        </div>
      </aside>
      <div className={classes.results}>
        <div className={classes.controls}>
          <MethodPicker
            slug={slug}
            methods={methods}
            ready={ready}
            chosen={chosen}
            naming={naming}
            isAdmin={isAdmin}
            onChange={(after) => set("methods", after.join(","))}
          />
          <CutoffControl n={n} onChange={(value) => set("n", String(value))} />
        </div>
        <Outcome
          exploration={exploration}
          isFile={"dropped" in picture}
          isEmpty={chosen.length === 0}
        />
        {chosen.length > 0 && exploration.error === null && answer?.state !== "failed" && (
          <Columns
            exploration={answer}
            methods={chosen}
            n={n}
            naming={naming}
            onlyFoundBy={onlyFoundBy}
            onChoose={(id) => {
              setOnlyFoundBy(null);
              chooseImage(id);
              window.scrollTo({ top: 0 });
            }}
          />
        )}
      </div>
      {isAdmin && (
        <UseAsQuery
          key={"dropped" in picture ? picture.dropped.id : picture.imageId}
          collection={slug}
          picture={
            "dropped" in picture && !answer?.query.image_id
              ? { file: ("dropped" in picture && picture.dropped.file) as File }
              : { imageId: imageIdOf(picture, answer) }
          }
          opened={asQuery}
          onClose={() => setAsQuery(false)}
        />
      )}
    </div>
  );
}

const imageIdOf = (picture: Picture, answer: Exploration | undefined): string =>
  "dropped" in picture ? (answer?.query.image_id ?? "") : picture.imageId;

/** What went wrong or takes long, in words; otherwise only for those who listen. */
function Outcome({
  exploration,
  isFile,
  isEmpty,
}: {
  exploration: { data?: Exploration | undefined; error: unknown; refetch: () => unknown };
  isFile: boolean;
  isEmpty: boolean;
}) {
  const { data, error, refetch } = exploration;
  if (isEmpty) {
    return (
      <Text size="sm" c="dimmed">
        Choose at least one method.
      </Text>
    );
  }
  if (error !== null) {
    return (
      <ProblemAlert
        title="The image could not be looked up"
        error={error}
        onRetry={() => void refetch()}
      />
    );
  }
  if (data?.state === "failed") {
    return (
      <ProblemAlert
        title="No answer came"
        error={new Error(data.error)}
        onRetry={() => void refetch()}
      />
    );
  }
  if (data === undefined || !isAnswered(data)) {
    return (
      <Delayed ms={1500}>
        <Text size="sm" c="dimmed" role="status" mb="xs">
          {isFile
            ? "Searching. The first image from elsewhere takes some seconds: its network is loaded."
            : "Searching. A large space takes some seconds the first time."}
        </Text>
      </Delayed>
    );
  }
  return (
    <p role="status" className={classes.heard}>
      {data.methods.filter(({ state }) => state === "done").length} of {data.methods.length} methods
      have answered.
    </p>
  );
}

/** The image itself, large, with what is known about it. */
function QueryImage({ picture, answer }: { picture: Picture; answer: Exploration | undefined }) {
  // What is shown under a placeholder's answer is still this image.
  const query = answer?.query;
  const name = "dropped" in picture ? picture.dropped.file.name : picture.imageId;
  const known = query && ("dropped" in picture || query.image_id === picture.imageId);
  return (
    <div>
      <div className={classes.stage}>
        {known ? (
          <img src={query.image_url} alt={query.captions[0] ?? name} />
        ) : (
          <Skeleton h="100%" animate={false} radius={0} />
        )}
      </div>
      <Text size="sm" fw={600} mt={8} className={classes.name} title={name}>
        {query?.image_id ?? name}
      </Text>
      <Text size="xs" c="dimmed" className="tabular">
        {known && query.width !== null && query.height !== null
          ? `${query.width} × ${query.height} px`
          : "\u00a0"}
        {"dropped" in picture &&
          known &&
          (query.image_id === null ? ", from elsewhere" : ", an image of this collection")}
      </Text>
      {known && query.captions[0] && (
        <Text size="xs" c="dimmed" lineClamp={2} title={query.captions[0]}>
          {query.captions[0]}
        </Text>
      )}
    </div>
  );
}

function useNaming(methods: readonly Method[], chosen: readonly string[]): Naming {
  const kinds = useQuery(fusionKindsQuery());
  const titles = new Map(methods.map((method) => [method.name, method]));
  const title = (name: string): string => {
    const parts = fusionParts(name);
    if (parts === null) return titles.get(name)?.title ?? name;
    return kinds.data?.find((kind) => kind.name === parts.kind)?.title ?? parts.kind;
  };
  return {
    title,
    detail: (name) => {
      const parts = fusionParts(name);
      if (parts !== null) return `${name}: ${parts.members.map(title).join(" + ")}`;
      const method = titles.get(name);
      return method ? `${name}, ${method.search}. ${method.description}` : name;
    },
    colour: (name) => qualitative(Math.max(0, chosen.indexOf(name))),
  };
}
