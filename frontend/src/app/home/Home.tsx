import { Stack } from "@mantine/core";
import { Page } from "@/components/ui";
import { mayBe, useSignedInUser } from "@/features/accounts";
import { ToJudge } from "./ToJudge";
import { ToRun } from "./ToRun";

/** `/`: what is mine to do now. */
export function Home() {
  const user = useSignedInUser();
  const runs = mayBe(user, "researcher");
  return (
    <Page title={`Hello, ${user.name}`}>
      <Stack gap="lg">
        <ToJudge quiet={runs} />
        {runs && <ToRun />}
      </Stack>
    </Page>
  );
}
