import { Button, Drawer, Group, Kbd, Progress, Text, UnstyledButton } from "@mantine/core";
import {
  IconArrowBackUp,
  IconArrowsDiff,
  IconBook2,
  IconClockPause,
  IconMessage2,
  IconQuestionMark,
  IconZoomIn,
  type Icon,
} from "@tabler/icons-react";
import { useEffect, useState, type ReactNode } from "react";
import { Link } from "react-router";
import {
  Delayed,
  EmptyState,
  KeyHelp,
  Mark,
  PageTitle,
  ProblemAlert,
  ThemeToggle,
} from "@/components/ui";
import { count } from "@/lib/format";
import { keyName, useKeys } from "@/lib/keys";
import type { AssessStudy } from "../api/types";
import type { Protocol } from "../protocols/types";
import { timeLeft } from "../workspace/pace";
import { useSitting } from "../workspace/useSitting";
import { Guidelines } from "./Guidelines";
import { NoteDialog } from "./NoteDialog";
import { ReasonMenu } from "./ReasonMenu";
import { Unsent } from "./Unsent";
import classes from "./Workspace.module.css";

interface ToolProps {
  icon: Icon;
  label: string;
  shortcut: string;
  on?: boolean;
  disabled?: boolean;
  onClick?: () => void;
  onHold?: (held: boolean) => void;
}

function Tool({ icon: Symbol, label, shortcut, on, disabled, onClick, onHold }: ToolProps) {
  return (
    <UnstyledButton
      className={classes.tool}
      aria-keyshortcuts={shortcut}
      aria-pressed={on}
      data-on={on || undefined}
      disabled={disabled}
      onClick={onClick}
      onPointerDown={onHold && (() => onHold(true))}
      onPointerUp={onHold && (() => onHold(false))}
      onPointerLeave={onHold && (() => onHold(false))}
    >
      <Symbol size={17} stroke={1.7} aria-hidden />
      <span className={classes.toolName}>{label}</span>
      <Kbd size="xs" className={classes.toolKey} aria-hidden>
        {keyName(shortcut)}
      </Kbd>
    </UnstyledButton>
  );
}

function Finished({ study, unsent }: { study: AssessStudy; unsent: ReactNode }) {
  useKeys([{ keys: "Enter", label: "Go home", run: () => window.location.assign("/") }]);
  return (
    <main className={classes.centre}>
      <EmptyState
        icon={<Mark size={44} />}
        title="All judged. Thank you."
        action={
          <Button component={Link} to="/">
            Go home
          </Button>
        }
      >
        You have judged every pair of {study.name} that was dealt to you. With <Kbd>⌫</Kbd> you can
        still go back and change the last ones.
        {unsent}
      </EmptyState>
    </main>
  );
}

type Panel = "reasons" | "note" | "guidelines" | null;

/** The judging workspace: everything but what a pair looks like and what may be answered. */
export function Workspace({ study, protocol }: { study: AssessStudy; protocol: Protocol }) {
  const sitting = useSitting(study, protocol);
  const { task, before, introducing } = sitting;
  const [panel, setPanel] = useState<Panel>(null);
  const [zoomed, setZoomed] = useState(false);
  const [flickering, setFlickering] = useState(false);
  const { Stage, Answers } = protocol;
  const judging = task !== undefined && !introducing && panel === null;

  useEffect(() => {
    const release = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === "f") setFlickering(false);
    };
    const drop = () => setFlickering(false);
    window.addEventListener("keyup", release);
    window.addEventListener("blur", drop);
    return () => {
      window.removeEventListener("keyup", release);
      window.removeEventListener("blur", drop);
    };
  }, []);

  useKeys([
    ...protocol.keysOf(study, sitting.answer).map((binding) => ({ ...binding, enabled: judging })),
    { keys: "Backspace", label: "Undo: back to the last pair", run: sitting.undo, repeat: true },
    {
      keys: ["Enter", "ArrowRight"],
      label: "Go on",
      enabled: introducing || before !== undefined,
      run: introducing ? sitting.endIntroduction : sitting.forward,
    },
    {
      keys: "l",
      label: "Later: put this pair off",
      enabled: judging && !before,
      run: sitting.later,
    },
    { keys: "u", label: "Cannot judge", enabled: judging, run: () => setPanel("reasons") },
    { keys: "n", label: "Note", enabled: judging, run: () => setPanel("note") },
    { keys: "g", label: "Guidelines", run: () => setPanel("guidelines") },
    {
      keys: "g",
      label: "Close the guidelines",
      enabled: panel === "guidelines",
      inDialog: true,
      hidden: true,
      run: () => setPanel(null),
    },
    { keys: "z", label: "Zoom both, follow the pointer", run: () => setZoomed(!zoomed) },
    { keys: "f", label: "Flicker: hold to see the query in place", run: () => setFlickering(true) },
    { keys: "Escape", label: "Leave zoom", enabled: zoomed, run: () => setZoomed(false) },
  ]);

  const close = () => setPanel(null);
  const category = study.categories.find(({ name }) => name === task?.category);
  const left = timeLeft(sitting.progress, sitting.pace);
  const share = sitting.progress.total ? (100 * sitting.progress.done) / sitting.progress.total : 0;

  // Reserved from the start, so that nothing moves when a count grows by a digit.
  const widest = `${count(sitting.progress.total)} of ${count(sitting.progress.total)} judged,`;

  return (
    <div className={classes.workspace}>
      <PageTitle>{`Judging ${study.name}`}</PageTitle>
      <header className={classes.header}>
        <UnstyledButton component={Link} to="/" aria-label="Leave judging" className={classes.home}>
          <Mark size={24} />
        </UnstyledButton>
        <h1 className={classes.title}>
          <span className={classes.study}>{study.name}</span>
          {task && <span className={classes.category}>{task.category}</span>}
        </h1>
        <div className={classes.progress}>
          {sitting.started && (
            <>
              <span className={classes.words}>
                <span className={classes.count}>
                  <span aria-hidden>{widest}</span>
                  <span>
                    {`${count(sitting.progress.done)} of ${count(sitting.progress.total)} judged`}
                    {left && ","}
                  </span>
                </span>
                <span className={classes.left}>{left}</span>
              </span>
              <Progress value={share} size={4} aria-label="Judged" transitionDuration={0} />
            </>
          )}
        </div>
        <div className={classes.corner}>
          <KeyHelp />
          <ThemeToggle />
        </div>
      </header>

      {task ? (
        <main className={classes.main}>
          <Stage
            task={task}
            next={sitting.next.slice(0, 3)}
            introducing={introducing}
            zoomed={zoomed}
            flickering={flickering}
          />
          <div className={classes.bar}>
            <Answers
              study={study}
              said={before?.answer}
              disabled={introducing}
              onAnswer={sitting.answer}
            />
            <div className={classes.tools}>
              <Tool
                icon={IconArrowBackUp}
                label="Undo"
                shortcut="Backspace"
                disabled={!sitting.canUndo}
                onClick={sitting.undo}
              />
              <Tool
                icon={IconClockPause}
                label="Later"
                shortcut="l"
                disabled={!judging || before !== undefined}
                onClick={sitting.later}
              />
              <Tool
                icon={IconQuestionMark}
                label="Cannot judge"
                shortcut="u"
                disabled={!judging}
                onClick={() => setPanel("reasons")}
              />
              <Tool
                icon={IconMessage2}
                label={sitting.note ? "Note (kept)" : "Note"}
                shortcut="n"
                on={sitting.note !== ""}
                disabled={!judging}
                onClick={() => setPanel("note")}
              />
              <Tool
                icon={IconBook2}
                label="Guidelines"
                shortcut="g"
                onClick={() => setPanel("guidelines")}
              />
              <Tool
                icon={IconZoomIn}
                label="Zoom"
                shortcut="z"
                on={zoomed}
                onClick={() => setZoomed(!zoomed)}
              />
              <Tool
                icon={IconArrowsDiff}
                label="Flicker"
                shortcut="f"
                on={flickering}
                onHold={setFlickering}
              />
              <div className={classes.status}>
                {before && (
                  <Group gap={6} wrap="nowrap" className={classes.before}>
                    <span>
                      You said <b>{protocol.wordsOf(before.answer, study)}</b>
                    </span>
                    <Button size="compact-xs" variant="default" onClick={sitting.forward}>
                      Keep ↵
                    </Button>
                  </Group>
                )}
                <Unsent />
              </div>
            </div>
          </div>
        </main>
      ) : sitting.finished ? (
        <Finished study={study} unsent={<Unsent />} />
      ) : (
        <main className={classes.centre}>
          {sitting.problem ? (
            <ProblemAlert
              title="The next pairs could not be loaded"
              error={sitting.problem}
              onRetry={sitting.retry}
            >
              <Unsent />
            </ProblemAlert>
          ) : sitting.exhausted ? (
            <EmptyState
              title={
                sitting.state === "closed" ? "This study is closed" : "Nothing is open for you now"
              }
              action={
                <Button component={Link} to="/">
                  Go home
                </Button>
              }
            >
              {sitting.state === "closed"
                ? "Judging has ended. What you judged is kept."
                : "What is not judged yet was closed by an admin, or is not yet dealt to you."}
              <Unsent />
            </EmptyState>
          ) : (
            <Delayed>
              <Text c="dimmed" role="status">
                Loading the next pairs
              </Text>
              <Unsent />
            </Delayed>
          )}
        </main>
      )}

      {panel === "reasons" && (
        <ReasonMenu
          reasons={study.unjudgeable_reasons}
          onClose={close}
          onChoose={(unjudgeable) => {
            close();
            sitting.answer({ unjudgeable });
          }}
        />
      )}
      {panel === "note" && (
        <NoteDialog
          note={sitting.note}
          onClose={close}
          onKeep={(note) => {
            sitting.setNote(note);
            close();
          }}
        />
      )}
      <Drawer
        opened={panel === "guidelines"}
        onClose={close}
        position="right"
        size="md"
        title={`Guidelines${task ? `: ${task.category}` : ""}`}
      >
        <Guidelines study={study} category={category ?? study.categories[0]} />
      </Drawer>
    </div>
  );
}
