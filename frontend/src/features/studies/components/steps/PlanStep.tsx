import { Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useNavigate } from "react-router";
import { ConfirmModal, QueryState } from "@/components/ui";
import { counted } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { planPreviewQuery, planQuery, useLaunchStudy } from "../../api/plan";
import type { Study } from "../../api/types";
import { PlanTables } from "../PlanTables";

interface Props {
  study: Study;
  /** What must be mended first; null when nothing. */
  blocked: string | null;
  flush: () => Promise<boolean>;
}

/** Who would judge what; then the launch. */
export function PlanStep({ study, blocked, flush }: Props) {
  if (study.state !== "draft") return <Dealt study={study} />;
  if (blocked !== null) {
    return (
      <Text size="sm" c="dimmed">
        The work can be dealt out once nothing is missing. First: {blocked}
      </Text>
    );
  }
  return <Preview study={study} flush={flush} />;
}

function Dealt({ study }: { study: Study }) {
  const plan = useQuery(planQuery(study.slug));
  return (
    <QueryState query={plan} failure="The plan could not be read">
      {(data) => <PlanTables plan={data} />}
    </QueryState>
  );
}

function Preview({ study, flush }: Omit<Props, "blocked">) {
  const navigate = useNavigate();
  const [flushed, setFlushed] = useState(false);
  useEffect(() => {
    void flush().then(setFlushed);
  }, [flush]);
  // Another design, another plan: what decides it is part of the key.
  const version = [study.seed, study.overlap, study.n_pairs, study.n_queries].join(":");
  const preview = useQuery({ ...planPreviewQuery(study.slug, version), enabled: flushed });
  const launch = useLaunchStudy(study.slug);
  const [asking, setAsking] = useState(false);
  useKeys([
    {
      keys: "Enter",
      label: "Launch the study",
      enabled: preview.data !== undefined && !asking,
      run: () => setAsking(true),
    },
  ]);
  return (
    <QueryState query={preview} failure="The work cannot be dealt out">
      {(plan) => (
        <Stack gap="lg">
          <PlanTables plan={plan} />
          <Group justify="flex-end">
            <Button onClick={() => setAsking(true)}>Launch the study</Button>
          </Group>
          <ConfirmModal
            opened={asking}
            onClose={() => setAsking(false)}
            title={`Launch “${study.name}”?`}
            deed="Launch"
            color="petrol"
            busy={launch.isPending}
            error={launch.error}
            onConfirm={() =>
              launch.mutate(undefined, {
                onSuccess: () => void navigate(`/studies/${study.slug}/monitor`),
              })
            }
          >
            {counted(plan.assessors.length, "assessor")} will see their share of{" "}
            {counted(plan.total_pairs, "judgment")} at once, and the design can no longer change.
          </ConfirmModal>
        </Stack>
      )}
    </QueryState>
  );
}
