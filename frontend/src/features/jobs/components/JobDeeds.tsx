import { Button } from "@mantine/core";
import { useState } from "react";
import { ConfirmModal, ProblemAlert } from "@/components/ui";
import { isUnfinished, type Job } from "@/lib/jobs";
import { useActOnJob } from "../api/act-on-job";

/** Cancel what runs, try again what failed. */
export function JobDeeds({ job, size = "xs" }: { job: Job; size?: "xs" | "sm" }) {
  const act = useActOnJob(job.id);
  const [asking, setAsking] = useState(false);
  if (isUnfinished(job)) {
    return (
      <>
        <Button size={size} variant="default" onClick={() => setAsking(true)}>
          Cancel
        </Button>
        <ConfirmModal
          opened={asking}
          onClose={() => setAsking(false)}
          title={`Cancel “${job.title}”?`}
          deed="Cancel the job"
          stay="Let it go on"
          busy={act.isPending}
          error={act.error}
          onConfirm={() => act.mutate("cancel", { onSuccess: () => setAsking(false) })}
        >
          The parts that are done stay done. Trying again later goes on from there.
        </ConfirmModal>
      </>
    );
  }
  if (job.state === "done") return null;
  return (
    <>
      <Button size={size} loading={act.isPending} onClick={() => act.mutate("retry")}>
        Try again
      </Button>
      {act.error && <ProblemAlert error={act.error} />}
    </>
  );
}
