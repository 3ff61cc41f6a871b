import { Anchor, Button, Group, Modal, Stack, Text, UnstyledButton } from "@mantine/core";
import { useEffect, useState } from "react";
import { counted } from "@/lib/format";
import { useOutbox, useOutboxState } from "../outbox/OutboxProvider";
import type { Entry } from "../outbox/store";
import classes from "./Unsent.module.css";

/** Sending takes a moment: nothing is said before this. */
const QUIET_MS = 1500;
const LONG_MS = 60_000;

function useClock(running: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!running) return undefined;
    const timer = window.setInterval(() => setNow(Date.now()), 500);
    return () => window.clearInterval(timer);
  }, [running]);
  return now;
}

function Refused({ entries, onClose }: { entries: readonly Entry[]; onClose: () => void }) {
  const outbox = useOutbox();
  return (
    <Modal opened onClose={onClose} title="Not accepted" size="lg">
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          The server did not take these judgments. They are kept in this browser until you let them
          go.
        </Text>
        {entries.map((entry) => (
          <Group key={entry.uuid} wrap="nowrap" gap="sm" align="center">
            <img src={entry.task.query.thumb_url} alt="Query" className={classes.thumb} />
            <img src={entry.task.candidate.thumb_url} alt="Candidate" className={classes.thumb} />
            <Stack gap={2} style={{ flex: 1 }}>
              <Text size="sm">{entry.refusal?.detail}</Text>
              <Anchor
                size="xs"
                download={`judgment-${entry.uuid}.json`}
                href={`data:application/json,${encodeURIComponent(
                  JSON.stringify({ uuid: entry.uuid, ...entry.body }),
                )}`}
              >
                Save a copy
              </Anchor>
            </Stack>
            <Button size="xs" variant="default" onClick={() => outbox.dismiss(entry.uuid)}>
              Let go
            </Button>
          </Group>
        ))}
      </Stack>
    </Modal>
  );
}

/** What has not reached the server yet, in words; red only when it lasts. */
export function Unsent() {
  const outbox = useOutbox();
  const { waiting, refused, trouble, stuckSince, unkept } = useOutboxState();
  const [open, setOpen] = useState(false);
  const now = useClock(waiting.length > 0);
  const age = stuckSince === null ? 0 : now - stuckSince;
  const show = waiting.length > 0 && (trouble !== null || age > QUIET_MS);
  return (
    <div className={classes.unsent} role="status">
      {show && (
        <UnstyledButton
          className={classes.waiting}
          data-long={age > LONG_MS || unkept || undefined}
          title={trouble ?? undefined}
          onClick={outbox.hurry}
        >
          {`${waiting.length} unsent, will be sent when online`}
          {unkept && ". Keep this page open: this browser keeps no copy"}
        </UnstyledButton>
      )}
      {refused.length > 0 && (
        <UnstyledButton className={classes.waiting} data-long onClick={() => setOpen(true)}>
          {`${counted(refused.length, "judgment")} not accepted`}
        </UnstyledButton>
      )}
      {open && refused.length > 0 && <Refused entries={refused} onClose={() => setOpen(false)} />}
    </div>
  );
}
