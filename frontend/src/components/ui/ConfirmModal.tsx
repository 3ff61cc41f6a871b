import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import type { FormEvent, ReactNode } from "react";
import { ProblemAlert } from "./ProblemAlert";

interface Props {
  opened: boolean;
  onClose: () => void;
  /** The question, naming the thing. */
  title: string;
  /** What the button does, as a verb: never "OK". */
  deed: string;
  /** What the other button says. */
  stay?: string;
  onConfirm: () => void;
  busy?: boolean;
  error?: unknown;
  /** red for what cannot be taken back. */
  color?: string;
  /** What is lost, or what will hold from now on. */
  children: ReactNode;
}

/** Ask before what cannot be undone. */
export function ConfirmModal({
  opened,
  onClose,
  title,
  deed,
  stay = "Cancel",
  onConfirm,
  busy = false,
  error,
  color = "red",
  children,
}: Props) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onConfirm();
  };
  return (
    <Modal opened={opened} onClose={onClose} title={title}>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm" component="div">
            {children}
          </Text>
          <ProblemAlert error={error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {stay}
            </Button>
            <Button type="submit" color={color} loading={busy} data-autofocus>
              {deed}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
