import {
  Badge,
  Button,
  Code,
  CopyButton,
  Group,
  Paper,
  PasswordInput,
  SegmentedControl,
  Stack,
  Text,
  TextInput,
  Title,
  useMantineColorScheme,
} from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactNode } from "react";
import { Page, ProblemAlert, QueryState } from "@/components/ui";
import { api } from "@/lib/api";
import { date } from "@/lib/format";
import { useChangePassword, useSaveProfile, useSignedInUser } from "../api/session";
import type { Token } from "../api/types";

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper withBorder p="lg" component="section" bg="var(--surface)">
      <Title order={2} size="h3" mb="sm">
        {title}
      </Title>
      {children}
    </Paper>
  );
}

function Profile() {
  const user = useSignedInUser();
  const save = useSaveProfile();
  const [name, setName] = useState(user.display_name);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(
      { display_name: name.trim() },
      { onSuccess: () => notifications.show({ message: "Your name is saved." }) },
    );
  };
  return (
    <Section title="You">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Group gap="xs">
            <Text size="sm" c="dimmed">
              {user.username}
            </Text>
            <Badge color="gray">{user.role}</Badge>
            {user.groups.map((group) => (
              <Badge key={group}>{group}</Badge>
            ))}
          </Group>
          <ProblemAlert error={save.error} />
          <Group align="flex-end">
            <TextInput
              label="Name"
              description="As others see it. Releases show a pseudonym instead."
              value={name}
              maxLength={100}
              onChange={(event) => setName(event.currentTarget.value)}
              style={{ flex: 1 }}
            />
            <Button type="submit" variant="default" loading={save.isPending}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}

function Theme() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Section title="Theme">
      <SegmentedControl
        aria-label="Theme"
        value={colorScheme}
        onChange={(value) => setColorScheme(value)}
        data={[
          { value: "auto", label: "As the system" },
          { value: "light", label: "Light" },
          { value: "dark", label: "Dark" },
        ]}
      />
    </Section>
  );
}

function Password() {
  const change = useChangePassword();
  const [before, setBefore] = useState("");
  const [after, setAfter] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(
      { old_password: before, new_password: after },
      {
        onSuccess: () => {
          setBefore("");
          setAfter("");
          notifications.show({ message: "Your password is changed." });
        },
      },
    );
  };
  return (
    <Section title="Password">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <ProblemAlert error={change.error} />
          <PasswordInput
            label="Present password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            value={before}
            onChange={(event) => setBefore(event.currentTarget.value)}
          />
          <PasswordInput
            label="New password"
            description="At least 12 characters."
            autoComplete="new-password"
            required
            withAsterisk={false}
            value={after}
            onChange={(event) => setAfter(event.currentTarget.value)}
          />
          <Group justify="flex-end">
            <Button type="submit" variant="default" loading={change.isPending}>
              Change password
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}

function TokenSection() {
  const client = useQueryClient();
  const queryKey = ["token"];
  const token = useQuery({
    queryKey,
    queryFn: ({ signal }) => api.get<Token>("auth/token/", { signal }),
  });
  const refresh = () => client.invalidateQueries({ queryKey });
  const make = useMutation({
    mutationFn: () => api.post<{ key: string }>("auth/token/"),
    onSuccess: refresh,
  });
  const remove = useMutation({
    mutationFn: () => api.delete("auth/token/"),
    onSuccess: () => {
      make.reset();
      return refresh();
    },
  });
  return (
    <Section title="Token for scripts">
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          A script sends it as <Code>Authorization: Token …</Code> and may do what you may.
        </Text>
        <ProblemAlert error={make.error ?? remove.error} />
        {make.data && (
          <Group gap="xs" wrap="nowrap">
            <Code block style={{ flex: 1, overflowWrap: "anywhere", whiteSpace: "normal" }}>
              {make.data.key}
            </Code>
            <CopyButton value={make.data.key}>
              {({ copied, copy }) => (
                <Button variant="default" onClick={copy}>
                  {copied ? "Copied" : "Copy"}
                </Button>
              )}
            </CopyButton>
          </Group>
        )}
        {make.data && (
          <Text size="sm">
            Keep it now: it is not shown again. An earlier token no longer works.
          </Text>
        )}
        <QueryState query={token} failure="The token could not be read">
          {(data) => (
            <Group justify="space-between">
              <Text size="sm">
                {data.exists
                  ? `You have a token${data.created_at ? `, made on ${date(data.created_at)}` : ""}.`
                  : "You have no token."}
              </Text>
              <Group gap="xs">
                {data.exists && (
                  <Button
                    variant="subtle"
                    color="red"
                    loading={remove.isPending}
                    onClick={() => remove.mutate()}
                  >
                    Remove
                  </Button>
                )}
                <Button variant="default" loading={make.isPending} onClick={() => make.mutate()}>
                  {data.exists ? "Replace" : "Make a token"}
                </Button>
              </Group>
            </Group>
          )}
        </QueryState>
      </Stack>
    </Section>
  );
}

export function Account() {
  return (
    <Page title="Account" width="narrow">
      <Stack gap="lg">
        <Profile />
        <Theme />
        <Password />
        <TokenSection />
        <Text size="sm" c="dimmed">
          Press <b>?</b> on any page to see its keys.
        </Text>
      </Stack>
    </Page>
  );
}
