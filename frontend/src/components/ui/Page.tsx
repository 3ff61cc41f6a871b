import { Group, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./Page.module.css";

/** The document's title, from any depth of the page. */
export function PageTitle({ children }: { children: string }) {
  return <title>{`${children} · Likeness`}</title>;
}

interface Props {
  title: string;
  /** One sentence under the title. */
  lead?: ReactNode;
  /** Way back, above the title. */
  above?: ReactNode;
  /** Buttons at the right of the title; the page's main deed last. */
  actions?: ReactNode;
  /** narrow: forms and text; wide: tables and images. */
  width?: "narrow" | "normal" | "wide";
  children: ReactNode;
}

/** The frame of every page but the judging workspace. */
export function Page({ title, lead, above, actions, width = "normal", children }: Props) {
  return (
    <div className={classes.page} data-width={width}>
      <PageTitle>{title}</PageTitle>
      <Group justify="space-between" align="flex-end" mb="lg" gap="md">
        <Stack gap={4} className={classes.heading}>
          {above && <div className={classes.above}>{above}</div>}
          <Title order={1}>{title}</Title>
          {lead && (
            <Text c="dimmed" component="div" className={classes.lead}>
              {lead}
            </Text>
          )}
        </Stack>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </div>
  );
}
