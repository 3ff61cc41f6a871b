import { Alert, Button, Group, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { sentenceOf } from "@/lib/api";

interface Props {
  /** What was thrown; nothing is shown without one. */
  error: unknown;
  /** What did not work, such as "The collections could not be read". */
  title?: string;
  onRetry?: () => void;
  /** Where to look, or what else to do. */
  children?: ReactNode;
}

/** What failed, in the server's own words, and the way on. */
export function ProblemAlert({ error, title, onRetry, children }: Props) {
  if (!error) return null;
  return (
    <Alert
      color="red"
      variant="light"
      icon={<IconAlertTriangle aria-hidden />}
      title={title}
      role="alert"
    >
      <Text size="sm">{sentenceOf(error)}</Text>
      {children}
      {onRetry && (
        <Group mt="sm">
          <Button size="xs" variant="default" onClick={onRetry}>
            Try again
          </Button>
        </Group>
      )}
    </Alert>
  );
}
