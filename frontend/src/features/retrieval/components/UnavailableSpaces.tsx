import { Alert, Stack, Text } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import type { Space } from "../api/types";

/** What to do about spaces that cannot be computed here; the same advice is given once. */
export function UnavailableSpaces({ spaces }: { spaces: readonly Space[] }) {
  const byAdvice = new Map<string, string[]>();
  for (const { name, state, how } of spaces) {
    if (state === "unavailable") byAdvice.set(how, [...(byAdvice.get(how) ?? []), name]);
  }
  if (byAdvice.size === 0) return null;
  return (
    <Stack gap="xs">
      {[...byAdvice].map(([how, names]) => (
        <Alert key={how} variant="light" color="gray" icon={<IconInfoCircle aria-hidden />}>
          <Text size="sm">
            <b>{names.join(", ")}:</b> {how}
          </Text>
        </Alert>
      ))}
    </Stack>
  );
}
