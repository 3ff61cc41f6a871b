import { Button, Group, Kbd, Modal, Stack, Text, Textarea } from "@mantine/core";
import { useState, type KeyboardEvent } from "react";

interface Props {
  note: string;
  onKeep: (note: string) => void;
  onClose: () => void;
}

/** A note that goes with the judgment of this pair. */
export function NoteDialog({ note, onKeep, onClose }: Props) {
  const [text, setText] = useState(note);
  const keep = () => onKeep(text);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      keep();
    }
  };
  return (
    <Modal opened onClose={onClose} title="Note on this pair">
      <Stack gap="sm">
        <Textarea
          aria-label="Note"
          data-autofocus
          autosize
          minRows={3}
          maxLength={2000}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        <Group justify="space-between">
          <Text size="xs" c="dimmed">
            It is sent with your judgment. New line: <Kbd size="xs">Shift</Kbd>{" "}
            <Kbd size="xs">↵</Kbd>
          </Text>
          <Button onClick={keep}>Keep note</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
