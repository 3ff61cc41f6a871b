import { Paper, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Logo, ThemeToggle } from "@/components/ui";
import classes from "./Welcome.module.css";

/** The frame of the pages before sign-in. */
export function Welcome({ children }: { children: ReactNode }) {
  return (
    <main className={classes.welcome}>
      <div className={classes.theme}>
        <ThemeToggle />
      </div>
      <div className={classes.column}>
        <div className={classes.logo}>
          <Logo size={34} />
          <Text c="dimmed" size="sm">
            How far people, and how far models, agree on what images show.
          </Text>
        </div>
        <Paper withBorder p="xl" className={classes.card}>
          {children}
        </Paper>
      </div>
    </main>
  );
}
