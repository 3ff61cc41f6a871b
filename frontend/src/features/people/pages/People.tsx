import {
  ActionIcon,
  Badge,
  Button,
  Group,
  Menu,
  Select,
  Stack,
  Table,
  Tabs,
  Text,
  TextInput,
  VisuallyHidden,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDots, IconMailPlus, IconSearch, IconUserPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useSearchParams } from "react-router";
import {
  ConfirmModal,
  EmptyState,
  Page,
  ProblemAlert,
  QueryState,
  tellFailed,
  TableScroll,
} from "@/components/ui";
import { useSignedInUser } from "@/features/accounts";
import { ago, count, counted, dateTime } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { groupsQuery, useCreateGroup } from "../api/groups";
import { invitationsQuery, useWithdrawInvitation } from "../api/invitations";
import { peopleQuery, useChangePerson } from "../api/people";
import type { Group as ExpertiseGroup, Invitation, Person } from "../api/types";
import { InviteModal } from "../components/InviteModal";
import { PersonModal } from "../components/PersonModal";
import { ROLES, roleWord } from "../lib/words";

const TABS = ["people", "groups", "invitations"] as const;

/** `/people`: who, in which role and groups, and who is invited. */
export function People() {
  const [params, setParams] = useSearchParams();
  const [inviting, { open, close }] = useDisclosure(false);
  const [edited, setEdited] = useState<Person | "new" | null>(null);
  useKeys([{ keys: "Enter", label: "Invite", enabled: !inviting && edited === null, run: open }]);
  const shown = TABS.find((tab) => tab === params.get("show")) ?? "people";
  return (
    <Page
      title="People"
      actions={
        <>
          <Button
            variant="default"
            leftSection={<IconUserPlus size={16} aria-hidden />}
            onClick={() => setEdited("new")}
          >
            New account
          </Button>
          <Button leftSection={<IconMailPlus size={16} aria-hidden />} onClick={open}>
            Invite
          </Button>
        </>
      }
    >
      <Tabs
        value={shown}
        onChange={(value) => setParams(value === "people" ? {} : { show: value ?? "people" })}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="people">People</Tabs.Tab>
          <Tabs.Tab value="groups">Groups</Tabs.Tab>
          <Tabs.Tab value="invitations">Invitations</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="people">
          <PeopleList onEdit={setEdited} />
        </Tabs.Panel>
        <Tabs.Panel value="groups">
          <Groups />
        </Tabs.Panel>
        <Tabs.Panel value="invitations">
          <Invitations onInvite={open} />
        </Tabs.Panel>
      </Tabs>
      <InviteModal opened={inviting} onClose={close} />
      <PersonModal person={edited} onClose={() => setEdited(null)} />
    </Page>
  );
}

function matches(person: Person, search: string, role: string): boolean {
  const words = [person.username, person.display_name, ...person.groups].join(" ").toLowerCase();
  return words.includes(search.toLowerCase()) && (role === "" || person.role === role);
}

function PeopleList({ onEdit }: { onEdit: (person: Person) => void }) {
  const people = useQuery(peopleQuery());
  const [params, setParams] = useSearchParams();
  const search = params.get("search") ?? "";
  const role = params.get("role") ?? "";
  const set = (name: string, value: string) =>
    setParams(
      (before) => {
        const after = new URLSearchParams(before);
        if (value) after.set(name, value);
        else after.delete(name);
        return after;
      },
      { replace: true },
    );
  return (
    <QueryState query={people} failure="The people could not be read">
      {(all) => {
        // People before programs, who come in numbers.
        const shown = all
          .filter((person) => matches(person, search, role))
          .sort((a, b) => Number(a.is_simulated) - Number(b.is_simulated));
        return (
          <Stack>
            <Group gap="sm">
              <TextInput
                aria-label="Search people"
                placeholder="Search names and groups"
                leftSection={<IconSearch size={16} aria-hidden />}
                value={search}
                onChange={(event) => set("search", event.currentTarget.value)}
                style={{ flex: "1 1 12rem", maxWidth: "22rem" }}
              />
              <Select
                aria-label="Role"
                placeholder="Any role"
                data={ROLES.map(({ value, label }) => ({ value, label }))}
                value={role || null}
                onChange={(value) => set("role", value ?? "")}
                clearable
                w={150}
              />
              <Text size="sm" c="dimmed" className="tabular" role="status">
                {shown.length === all.length
                  ? counted(all.length, "person", "people")
                  : `${count(shown.length)} of ${counted(all.length, "person", "people")}`}
              </Text>
            </Group>
            {shown.length === 0 ? (
              <EmptyState title="Nobody matches">Search for less.</EmptyState>
            ) : (
              <PeopleTable people={shown} onEdit={onEdit} />
            )}
          </Stack>
        );
      }}
    </QueryState>
  );
}

function PeopleTable({ people, onEdit }: { people: Person[]; onEdit: (person: Person) => void }) {
  const me = useSignedInUser();
  const change = useChangePerson();
  const [leaving, setLeaving] = useState<Person | null>(null);
  const restore = (person: Person) =>
    change.mutate({ id: person.id, is_active: true }, { onError: tellFailed });
  return (
    <>
      <TableScroll label="People" minWidth={680}>
        <Table className="tabular" verticalSpacing="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Person</Table.Th>
              <Table.Th>Role</Table.Th>
              <Table.Th>Groups</Table.Th>
              <Table.Th ta="right">Studies</Table.Th>
              <Table.Th>Last signed in</Table.Th>
              <Table.Th w={48}>
                <VisuallyHidden>Deeds</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {people.map((person) => (
              <Table.Tr key={person.id} c={person.is_active ? undefined : "dimmed"}>
                <Table.Td>
                  <Group gap="xs">
                    <Text size="sm" fw={550}>
                      {person.name}
                    </Text>
                    {person.is_simulated && (
                      <Badge color="yellow" autoContrast variant="filled">
                        simulated
                      </Badge>
                    )}
                    {!person.is_active && <Badge color="gray">deactivated</Badge>}
                  </Group>
                  {person.name !== person.username && (
                    <Text size="xs" c="dimmed">
                      {person.username}
                    </Text>
                  )}
                </Table.Td>
                <Table.Td>{roleWord(person.role)}</Table.Td>
                <Table.Td>{person.groups.join(", ") || "–"}</Table.Td>
                <Table.Td ta="right">{count(person.studies)}</Table.Td>
                <Table.Td>{person.last_login ? ago(person.last_login) : "never"}</Table.Td>
                <Table.Td>
                  <Menu position="bottom-end">
                    <Menu.Target>
                      <ActionIcon
                        variant="subtle"
                        color="gray"
                        aria-label={`Change ${person.name}`}
                      >
                        <IconDots size={18} aria-hidden />
                      </ActionIcon>
                    </Menu.Target>
                    <Menu.Dropdown>
                      <Menu.Item onClick={() => onEdit(person)}>Name, role, groups…</Menu.Item>
                      {person.is_active ? (
                        <Menu.Item
                          color="red"
                          disabled={person.id === me.id}
                          onClick={() => setLeaving(person)}
                        >
                          Deactivate…
                        </Menu.Item>
                      ) : (
                        <Menu.Item onClick={() => restore(person)}>Activate again</Menu.Item>
                      )}
                    </Menu.Dropdown>
                  </Menu>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </TableScroll>
      <ConfirmModal
        opened={leaving !== null}
        onClose={() => setLeaving(null)}
        title={`Deactivate ${leaving?.name ?? ""}?`}
        deed="Deactivate"
        busy={change.isPending}
        error={change.error}
        onConfirm={() =>
          leaving &&
          change.mutate({ id: leaving.id, is_active: false }, { onSuccess: () => setLeaving(null) })
        }
      >
        {leaving?.name} can no longer sign in. The judgments stay, and the account can be activated
        again.
      </ConfirmModal>
    </>
  );
}

function Groups() {
  const groups = useQuery(groupsQuery());
  const create = useCreateGroup();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(
      { name: name.trim(), description: description.trim() },
      {
        onSuccess: () => {
          setName("");
          setDescription("");
        },
      },
    );
  };
  return (
    <Stack maw={760} gap="lg">
      <Text size="sm" c="dimmed">
        A group is one expertise, such as MD, ML or CS. A study&rsquo;s category names the groups
        that may judge it.
      </Text>
      <QueryState query={groups} failure="The groups could not be read">
        {(all) =>
          all.length === 0 ? (
            <EmptyState title="No group yet">Make the first one below.</EmptyState>
          ) : (
            <GroupTable groups={all} />
          )
        }
      </QueryState>
      <form onSubmit={submit}>
        <Group align="flex-end">
          <TextInput
            label="New group"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            maxLength={60}
            required
            w={160}
          />
          <TextInput
            label="Description"
            value={description}
            onChange={(event) => setDescription(event.currentTarget.value)}
            maxLength={200}
            style={{ flex: "1 1 12rem" }}
          />
          <Button type="submit" variant="default" loading={create.isPending}>
            Add group
          </Button>
        </Group>
      </form>
      <ProblemAlert error={create.error} />
    </Stack>
  );
}

function GroupTable({ groups }: { groups: ExpertiseGroup[] }) {
  return (
    <Table className="tabular">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Group</Table.Th>
          <Table.Th>Description</Table.Th>
          <Table.Th ta="right">People</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {groups.map((group) => (
          <Table.Tr key={group.id}>
            <Table.Td fw={550}>{group.name}</Table.Td>
            <Table.Td>{group.description || "–"}</Table.Td>
            <Table.Td ta="right">{count(group.members)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Invitations({ onInvite }: { onInvite: () => void }) {
  const invitations = useQuery(invitationsQuery());
  return (
    <QueryState query={invitations} failure="The invitations could not be read">
      {(all) =>
        all.length === 0 ? (
          <EmptyState
            title="No invitation yet"
            icon={<IconMailPlus size={32} stroke={1.4} aria-hidden />}
            action={
              <Button variant="default" onClick={onInvite}>
                Invite a person
              </Button>
            }
          >
            An invitation is a link by which one person makes their own account.
          </EmptyState>
        ) : (
          <InvitationTable invitations={all} />
        )
      }
    </QueryState>
  );
}

function stateOf(invitation: Invitation, now: number): string {
  if (invitation.accepted_by) return `accepted by ${invitation.accepted_by}`;
  return new Date(invitation.expires_at).getTime() < now
    ? "expired"
    : `open until ${dateTime(invitation.expires_at)}`;
}

function InvitationTable({ invitations }: { invitations: Invitation[] }) {
  const withdraw = useWithdrawInvitation();
  const [asked, setAsked] = useState<Invitation | null>(null);
  const [now] = useState(() => Date.now());
  return (
    <>
      <TableScroll label="Invitations" minWidth={560}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>For</Table.Th>
              <Table.Th>Role</Table.Th>
              <Table.Th>Groups</Table.Th>
              <Table.Th>State</Table.Th>
              <Table.Th>
                <VisuallyHidden>Deeds</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {invitations.map((invitation) => (
              <Table.Tr key={invitation.id}>
                <Table.Td>{invitation.note || "–"}</Table.Td>
                <Table.Td>{roleWord(invitation.role)}</Table.Td>
                <Table.Td>{invitation.groups.join(", ") || "–"}</Table.Td>
                <Table.Td>{stateOf(invitation, now)}</Table.Td>
                <Table.Td ta="right">
                  {!invitation.accepted_by && (
                    <Button
                      size="compact-sm"
                      variant="subtle"
                      color="red"
                      onClick={() => setAsked(invitation)}
                    >
                      Withdraw
                    </Button>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </TableScroll>
      <ConfirmModal
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={`Withdraw the invitation${asked?.note ? ` for ${asked.note}` : ""}?`}
        deed="Withdraw it"
        busy={withdraw.isPending}
        error={withdraw.error}
        onConfirm={() => asked && withdraw.mutate(asked.id, { onSuccess: () => setAsked(null) })}
      >
        Its link stops working at once.
      </ConfirmModal>
    </>
  );
}
