import { Anchor, Button, Paper, Stack, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "react-router";
import { Loading, Page, QueryState } from "@/components/ui";
import { useKeys } from "@/lib/keys";
import { assessStudyQuery } from "../api/assess";
import { Guidelines } from "../components/Guidelines";

/** `/judge/:study/guidelines` */
export function GuidelinesPage() {
  const { study: slug = "" } = useParams();
  const study = useQuery(assessStudyQuery(slug));
  const navigate = useNavigate();
  const judge = `/judge/${slug}`;
  useKeys([{ keys: "Enter", label: "Go on judging", run: () => void navigate(judge) }]);
  return (
    <Page
      title="Guidelines"
      width="narrow"
      above={
        <Anchor component={Link} to="/">
          Home
        </Anchor>
      }
      lead={study.data?.name}
      actions={
        <Button component={Link} to={judge}>
          Go on judging
        </Button>
      }
    >
      <QueryState
        query={study}
        failure="The guidelines could not be read"
        loading={<Loading shape="text" />}
      >
        {(data) => (
          <Stack gap="lg">
            {data.categories.map((category) => (
              <Paper withBorder p="lg" key={category.name} bg="var(--surface)">
                <Title order={2} mb="md">
                  {category.name}
                </Title>
                <Guidelines study={data} category={category} />
              </Paper>
            ))}
          </Stack>
        )}
      </QueryState>
    </Page>
  );
}
