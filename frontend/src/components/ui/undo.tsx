import { Button, Group, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { sentenceOf } from "@/lib/api";

interface Undoable {
  /** What was done, as a sentence. */
  message: string;
  /** Puts it back; left out where there is no way back. */
  undo?: (() => void) | undefined;
}

let serial = 0;

/** Say what was done, with the way back for ten seconds. */
export function tellDone({ message, undo }: Undoable): void {
  const id = `done-${(serial += 1)}`;
  notifications.show({
    id,
    autoClose: 10_000,
    message: (
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm">{message}</Text>
        {undo && (
          <Button
            size="compact-sm"
            variant="subtle"
            onClick={() => {
              notifications.hide(id);
              undo();
            }}
          >
            Undo
          </Button>
        )}
      </Group>
    ),
  });
}

/** Say what failed, where no part of the page can. */
export function tellFailed(error: unknown): void {
  notifications.show({ color: "red", message: sentenceOf(error), autoClose: 10_000 });
}
