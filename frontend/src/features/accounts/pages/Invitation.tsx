import { Button, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useNavigate, useParams } from "react-router";
import { PageTitle, ProblemAlert, QueryState } from "@/components/ui";
import { api, ApiError } from "@/lib/api";
import { dateTime } from "@/lib/format";
import { sessionQuery } from "../api/session";
import type { InvitationOffer, User } from "../api/types";
import { Welcome } from "../components/Welcome";

const ROLES = {
  assessor: "an assessor, who judges pairs of images",
  researcher: "a researcher, who reads reports and releases",
  admin: "an admin, who plans studies and invites people",
} as const;

function AcceptForm({ token, offer }: { token: string; offer: InvitationOffer }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [form, setForm] = useState({ username: "", display_name: "", password: "" });
  const accept = useMutation({
    mutationFn: () => api.post<{ user: User }>(`invitations/accept/${token}/`, form),
    onSuccess: ({ user }) => {
      client.setQueryData(sessionQuery.queryKey, { user });
      void navigate("/", { replace: true });
    },
  });
  const problem = accept.error instanceof ApiError ? accept.error : null;
  const errorOf = (field: string) => (problem?.field === field ? problem.detail : undefined);
  const set = (field: keyof typeof form) => (event: { currentTarget: { value: string } }) => {
    const { value } = event.currentTarget;
    setForm((before) => ({ ...before, [field]: value }));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    accept.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <Title order={1} size="h2">
          Make your account
        </Title>
        <Text size="sm" c="dimmed">
          You are invited as {ROLES[offer.role]}
          {offer.groups.length > 0 && `, in ${offer.groups.join(", ")}`}. The invitation holds until{" "}
          {dateTime(offer.expires_at)}.
        </Text>
        {problem && !(problem.field && problem.field in form) && <ProblemAlert error={problem} />}
        <TextInput
          label="User name"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          required
          withAsterisk={false}
          value={form.username}
          onChange={set("username")}
          error={errorOf("username")}
        />
        <TextInput
          label="Name"
          description="As others see it. May stay empty."
          autoComplete="name"
          value={form.display_name}
          onChange={set("display_name")}
          error={errorOf("display_name")}
        />
        <PasswordInput
          label="Password"
          description="At least 12 characters."
          autoComplete="new-password"
          required
          withAsterisk={false}
          value={form.password}
          onChange={set("password")}
          error={errorOf("password")}
        />
        <Button type="submit" loading={accept.isPending} fullWidth>
          Make account and start
        </Button>
      </Stack>
    </form>
  );
}

export function Invitation() {
  const { token = "" } = useParams();
  const offer = useQuery({
    queryKey: ["invitation", token],
    queryFn: ({ signal }) => api.get<InvitationOffer>(`invitations/accept/${token}/`, { signal }),
    retry: false,
    staleTime: Infinity,
  });
  return (
    <Welcome>
      <PageTitle>Invitation</PageTitle>
      <QueryState query={offer} failure="This invitation cannot be used">
        {(data) => <AcceptForm token={token} offer={data} />}
      </QueryState>
    </Welcome>
  );
}
