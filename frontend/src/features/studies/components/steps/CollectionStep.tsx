import { Select, Stack, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { QueryState } from "@/components/ui";
import { collectionsQuery } from "@/features/catalog";
import { counted } from "@/lib/format";
import type { DesignHandle } from "../../lib/useDesign";

interface Props {
  handle: DesignHandle;
  readOnly: boolean;
}

/** What the study is called and which images it searches. */
export function CollectionStep({ handle: { design, dispatch }, readOnly }: Props) {
  const collections = useQuery(collectionsQuery());
  return (
    <Stack maw={620}>
      <TextInput
        label="Name"
        value={design.name}
        onChange={(event) => dispatch({ type: "set", change: { name: event.currentTarget.value } })}
        maxLength={200}
        readOnly={readOnly}
        required
      />
      <Textarea
        label="Description"
        value={design.description}
        onChange={(event) =>
          dispatch({ type: "set", change: { description: event.currentTarget.value } })
        }
        autosize
        minRows={3}
        readOnly={readOnly}
      />
      <QueryState query={collections} failure="The collections could not be read">
        {({ results }) => (
          <Select
            label="Collection"
            data={results.map(({ slug, name, n_images }) => ({
              value: slug,
              label: `${name} (${counted(n_images, "image")})`,
            }))}
            description="Chosen when the study was made; it stays."
            value={design.collection}
            readOnly
          />
        )}
      </QueryState>
    </Stack>
  );
}
