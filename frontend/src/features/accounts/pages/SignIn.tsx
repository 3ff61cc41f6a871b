import { Button, PasswordInput, Stack, TextInput, Title } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { Navigate, useSearchParams } from "react-router";
import { PageTitle, ProblemAlert } from "@/components/ui";
import { useSignIn, useUser } from "../api/session";
import { Welcome } from "../components/Welcome";

/** Only addresses of this site: a link from elsewhere must not lead away after sign-in. */
export function placeAfter(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) && !next.startsWith("/sign-in") ? next : "/";
}

export function SignIn() {
  const user = useUser();
  const [search] = useSearchParams();
  const signIn = useSignIn();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  if (user) return <Navigate to={placeAfter(search.get("next"))} replace />;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate({ username: username.trim(), password });
  };
  return (
    <Welcome>
      <PageTitle>Sign in</PageTitle>
      <form onSubmit={submit}>
        <Stack gap="md">
          <Title order={1} size="h2">
            Sign in
          </Title>
          <ProblemAlert error={signIn.error} />
          <TextInput
            label="User name"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            autoFocus
            required
            withAsterisk={false}
            value={username}
            onChange={(event) => setUsername(event.currentTarget.value)}
          />
          <PasswordInput
            label="Password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <Button type="submit" loading={signIn.isPending} fullWidth mt="xs">
            Sign in
          </Button>
        </Stack>
      </form>
    </Welcome>
  );
}
