import { Button, Group, Modal, MultiSelect, Radio, Stack, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { ProblemAlert } from "@/components/ui";
import { dateTime } from "@/lib/format";
import { groupsQuery } from "../api/groups";
import { useInvite } from "../api/invitations";
import type { Role } from "../api/types";
import { ROLES } from "../lib/words";
import { Secret } from "./Secret";

interface Props {
  opened: boolean;
  onClose: () => void;
}

/** Make a link by which one person makes their account. */
export function InviteModal({ opened, onClose }: Props) {
  const invite = useInvite();
  const close = () => {
    onClose();
    invite.reset();
  };
  return (
    <Modal opened={opened} onClose={close} title="Invite a person">
      {invite.data ? (
        <Stack>
          <Secret label="Invitation link" value={invite.data.url}>
            {`Send it to the person. It is not shown again, works once, and holds until ${dateTime(invite.data.expires_at)}.`}
          </Secret>
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Done
            </Button>
          </Group>
        </Stack>
      ) : (
        <InviteForm invite={invite} onClose={close} />
      )}
    </Modal>
  );
}

function InviteForm({
  invite,
  onClose,
}: {
  invite: ReturnType<typeof useInvite>;
  onClose: () => void;
}) {
  const groups = useQuery(groupsQuery());
  const [role, setRole] = useState<Role>("assessor");
  const [chosen, setChosen] = useState<string[]>([]);
  const [note, setNote] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    invite.mutate({ role, groups: chosen, note: note.trim() });
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <Radio.Group label="Role" value={role} onChange={(value) => setRole(value)}>
          <Stack gap="xs" mt={6}>
            {ROLES.map(({ value, label, does }) => (
              <Radio key={value} value={value} label={label} description={does} />
            ))}
          </Stack>
        </Radio.Group>
        <MultiSelect
          label="Groups of expertise"
          description="They decide which categories the person may judge."
          data={(groups.data ?? []).map(({ name }) => name)}
          value={chosen}
          onChange={setChosen}
          searchable
        />
        <TextInput
          label="Note"
          description="For you: whom the link is for."
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
          maxLength={200}
        />
        <ProblemAlert error={invite.error ?? groups.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={invite.isPending}>
            Make the link
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
