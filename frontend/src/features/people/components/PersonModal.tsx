import { Button, Group, Modal, MultiSelect, Select, Stack, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { ProblemAlert } from "@/components/ui";
import { groupsQuery } from "../api/groups";
import { useChangePerson, useCreatePerson } from "../api/people";
import type { Person, Role } from "../api/types";
import { ROLES } from "../lib/words";
import { Secret } from "./Secret";

interface Props {
  /** Whom to change; `new` makes an account. */
  person: Person | "new" | null;
  onClose: () => void;
}

/** An account: its name, role and groups. */
export function PersonModal({ person, onClose }: Props) {
  return (
    <Modal
      opened={person !== null}
      onClose={onClose}
      title={person === "new" ? "New account" : (person?.name ?? "")}
    >
      {person !== null && (
        <PersonForm
          key={person === "new" ? "new" : person.id}
          person={person === "new" ? null : person}
          onClose={onClose}
        />
      )}
    </Modal>
  );
}

function PersonForm({ person, onClose }: { person: Person | null; onClose: () => void }) {
  const groups = useQuery(groupsQuery());
  const change = useChangePerson();
  const create = useCreatePerson();
  const [username, setUsername] = useState("");
  const [name, setName] = useState(person?.display_name ?? "");
  const [role, setRole] = useState<Role>(person?.role ?? "assessor");
  const [chosen, setChosen] = useState<string[]>(person?.groups ?? []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const values = { display_name: name.trim(), role, groups: chosen };
    if (person) change.mutate({ id: person.id, ...values }, { onSuccess: onClose });
    else create.mutate({ username: username.trim(), ...values });
  };
  if (create.data) {
    return (
      <Stack>
        <Secret label={`Password of ${create.data.user.username}`} value={create.data.password}>
          Give it to the person. It is not shown again; they can change it under Account.
        </Secret>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Done
          </Button>
        </Group>
      </Stack>
    );
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        {!person && (
          <TextInput
            label="User name"
            description="For signing in."
            value={username}
            onChange={(event) => setUsername(event.currentTarget.value)}
            required
            maxLength={150}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            data-autofocus
          />
        )}
        <TextInput
          label="Name"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          maxLength={100}
          autoComplete="off"
          {...(person && { "data-autofocus": true })}
        />
        <Select
          label="Role"
          data={ROLES.map(({ value, label, does }) => ({ value, label: `${label}: ${does}` }))}
          value={role}
          onChange={(value) => setRole(value ?? "assessor")}
          allowDeselect={false}
        />
        <MultiSelect
          label="Groups of expertise"
          description="They decide which categories the person may judge, from the next plan on."
          data={(groups.data ?? []).map((group) => group.name)}
          value={chosen}
          onChange={setChosen}
          searchable
        />
        <ProblemAlert error={change.error ?? create.error ?? groups.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={change.isPending || create.isPending}>
            {person ? "Save" : "Make the account"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
