import { Button, FileButton, Group, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconArrowsShuffle, IconSearch, IconUpload } from "@tabler/icons-react";
import { useState } from "react";
import { EmptyState } from "@/components/ui";
import { ImageGrid } from "@/features/catalog";

interface Props {
  slug: string;
  onChoose: (imageId: string) => void;
  onRandom: () => void;
  onFile: (file: File) => void;
}

/** Which image to look up: one of the collection, any of them, or one from elsewhere. */
export function Chooser({ slug, onChoose, onRandom, onFile }: Props) {
  const [typed, setTyped] = useState("");
  const [search] = useDebouncedValue(typed, 250);
  return (
    <Stack gap="sm">
      <Group gap="sm">
        <TextInput
          aria-label="Search the collection"
          placeholder="Search names and captions"
          leftSection={<IconSearch size={16} aria-hidden />}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          style={{ flex: "1 1 14rem", maxWidth: "26rem" }}
        />
        <Button
          variant="default"
          leftSection={<IconArrowsShuffle size={16} aria-hidden />}
          onClick={onRandom}
        >
          Any image
        </Button>
        <UploadButton onFile={onFile} />
      </Group>
      <Text size="sm" c="dimmed">
        Click an image to see what every method finds for it, or drop or paste one from elsewhere.
      </Text>
      <ImageGrid
        slug={slug}
        filters={{ search, excluded: "none" }}
        tile={132}
        onOpen={(image) => onChoose(image.image_id)}
        empty={<EmptyState title="No image matches">Search for less.</EmptyState>}
      />
    </Stack>
  );
}

export function UploadButton({ onFile, size }: { onFile: (file: File) => void; size?: string }) {
  return (
    <FileButton accept="image/*" onChange={(file) => file && onFile(file)}>
      {(props) => (
        <Button
          {...props}
          variant="default"
          {...(size && { size })}
          leftSection={<IconUpload size={16} aria-hidden />}
        >
          From the disk
        </Button>
      )}
    </FileButton>
  );
}
