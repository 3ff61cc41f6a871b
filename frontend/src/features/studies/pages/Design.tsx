import { Alert, Button, Group, Menu, Stack, Text, Title } from "@mantine/core";
import { IconCheck, IconChevronDown, IconLock } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { ConfirmModal, Loading, ProblemAlert, QueryState } from "@/components/ui";
import { groupsQuery } from "@/features/people";
import { methodsQuery, poolsQuery, spacesQuery } from "@/features/retrieval";
import { counted } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { useDeleteStudy } from "../api/delete-study";
import { queriesQuery } from "../api/list-queries";
import { runsQuery } from "../api/runs";
import type { Study, StudyQuery } from "../api/types";
import { CategoriesStep } from "../components/steps/CategoriesStep";
import { CollectionStep } from "../components/steps/CollectionStep";
import { MethodsStep } from "../components/steps/MethodsStep";
import { PlanStep } from "../components/steps/PlanStep";
import { PoolsStep } from "../components/steps/PoolsStep";
import { QueriesStep } from "../components/steps/QueriesStep";
import { StudyFrame } from "../components/StudyFrame";
import { firstOpenStep, isStep, missingIn, STEP_TITLES, STEPS, type Step } from "../lib/design";
import { useDesign, type Saving } from "../lib/useDesign";
import classes from "./Design.module.css";

/** `/studies/:slug/design`: from a collection to a launched study, step by step. */
export function Design() {
  return (
    <StudyFrame tab="design" actions={(study) => <Deeds study={study} />}>
      {(study) => <Loaded key={study.slug} study={study} />}
    </StudyFrame>
  );
}

/** study.toml, and the way out of a draft. */
function Deeds({ study }: { study: Study }) {
  const remove = useDeleteStudy();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" rightSection={<IconChevronDown size={16} aria-hidden />}>
            More
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            component="a"
            href={`/api/v1/studies/${study.slug}/toml/`}
            download={`${study.slug}.toml`}
          >
            Download study.toml
          </Menu.Item>
          {study.state === "draft" && (
            <Menu.Item color="red" onClick={() => setAsking(true)}>
              Delete this draft…
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <ConfirmModal
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Delete “${study.name}”?`}
        deed="Delete the draft"
        error={remove.error}
        busy={remove.isPending}
        onConfirm={() => remove.mutate(study.slug, { onSuccess: () => void navigate("/studies") })}
      >
        Its design, {counted(study.n_queries, "query", "queries")} and their pools are lost. The
        collection and its images stay.
      </ConfirmModal>
    </>
  );
}

function Loaded({ study }: { study: Study }) {
  const queries = useQuery(queriesQuery(study.slug));
  return (
    <QueryState query={queries} failure="The queries could not be read">
      {(data) => <Editor study={study} queries={data} />}
    </QueryState>
  );
}

function Editor({ study, queries }: { study: Study; queries: StudyQuery[] }) {
  const handle = useDesign(study, queries);
  const { design, saving, flush } = handle;
  const [params, setParams] = useSearchParams();
  const groups = useQuery(groupsQuery());
  const methods = useQuery(methodsQuery());
  const spaces = useQuery(spacesQuery(design.collection));
  const pools = useQuery(poolsQuery(study.slug));
  const runs = useQuery(runsQuery(study.slug));
  const readOnly = study.state !== "draft";

  const readyMethods = useMemo(() => {
    if (!methods.data || !spaces.data || !runs.data) return null;
    const states = new Map(spaces.data.map(({ name, state }) => [name, state]));
    const ready = methods.data.filter(({ space }) => (states.get(space) ?? "ready") === "ready");
    // A run has its rankings already.
    return [...ready.map(({ name }) => name), ...runs.data.map(({ method }) => method)];
  }, [methods.data, spaces.data, runs.data]);
  const missing = missingIn(design, {
    groupSizes: Object.fromEntries((groups.data ?? []).map(({ name, members }) => [name, members])),
    readyMethods,
    pools: pools.data ?? null,
    planned: readOnly,
  });
  const known = groups.data !== undefined && pools.data !== undefined && readyMethods !== null;
  const asked = params.get("step");
  const step: Step = isStep(asked) ? asked : readOnly ? "collection" : firstOpenStep(missing);
  const next = STEPS[STEPS.indexOf(step) + 1];
  const go = (to: Step) => {
    void flush();
    setParams({ step: to });
    window.scrollTo(0, 0);
  };
  useKeys([
    {
      keys: "Enter",
      label: "Continue",
      enabled: next !== undefined && (readOnly || missing[step] === null),
      run: () => next && go(next),
    },
  ]);
  if (!isStep(asked) && !readOnly && !known) return <Loading />;
  return (
    <div className={classes.layout}>
      <nav aria-label="Steps">
        <ol className={classes.steps}>
          {STEPS.map((each, position) => (
            <li key={each}>
              <Link
                to={`?step=${each}`}
                className={classes.step}
                aria-current={each === step ? "step" : undefined}
                onClick={() => void flush()}
              >
                <span
                  className={classes.mark}
                  data-done={missing[each] === null || undefined}
                  aria-hidden
                >
                  {missing[each] === null ? <IconCheck size={14} stroke={3} /> : position + 1}
                </span>
                <span className={classes.title}>{STEP_TITLES[each]}</span>
                {missing[each] !== null && <span className={classes.missing}>{missing[each]}</span>}
              </Link>
            </li>
          ))}
        </ol>
      </nav>
      <Stack gap="lg" miw={0}>
        {readOnly && (
          <Alert variant="light" color="gray" icon={<IconLock aria-hidden />}>
            This study is {study.state}: its design is fixed, because people judge by it.
          </Alert>
        )}
        <Group justify="space-between" align="baseline">
          <div>
            <Title order={2}>{STEP_TITLES[step]}</Title>
            {missing[step] !== null && !readOnly && (
              <Text size="sm" c="dimmed" role="status">
                {missing[step]}
              </Text>
            )}
          </div>
          {!readOnly && <SavingWords saving={saving} />}
        </Group>
        {saving.state === "refused" && (
          <ProblemAlert
            title="This change is not saved"
            error={saving.error}
            onRetry={() => void flush()}
          />
        )}
        {step === "collection" && <CollectionStep handle={handle} readOnly={readOnly} />}
        {step === "categories" && (
          <CategoriesStep handle={handle} study={study} readOnly={readOnly} />
        )}
        {step === "queries" && (
          <QueriesStep handle={handle} study={study} queries={queries} readOnly={readOnly} />
        )}
        {step === "methods" && <MethodsStep handle={handle} study={study} readOnly={readOnly} />}
        {step === "pools" && (
          <PoolsStep
            study={study}
            blocked={missing.categories ?? missing.queries ?? missing.methods}
            handle={handle}
            readOnly={readOnly}
          />
        )}
        {step === "plan" && (
          <PlanStep
            study={study}
            blocked={
              missing.collection ??
              missing.categories ??
              missing.queries ??
              missing.methods ??
              missing.pools
            }
            flush={flush}
          />
        )}
        {next && (
          <Group justify="flex-end">
            <Button
              onClick={() => go(next)}
              variant={missing[step] === null || readOnly ? "filled" : "default"}
            >
              Continue to {STEP_TITLES[next].toLowerCase()}
            </Button>
          </Group>
        )}
      </Stack>
    </div>
  );
}

function SavingWords({ saving }: { saving: Saving }) {
  const words = {
    saved: "Saved",
    unsaved: "…",
    saving: "Saving…",
    waiting: "Not saved yet",
    refused: "Not saved",
  };
  const off = saving.state === "refused" || saving.state === "waiting";
  return (
    <Text size="sm" c={off ? "red" : "dimmed"} aria-live="polite">
      {words[saving.state]}
      {saving.state === "waiting" && `: ${saving.reason}`}
    </Text>
  );
}
