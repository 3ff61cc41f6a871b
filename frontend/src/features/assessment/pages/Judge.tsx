import { useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { Page, QueryState } from "@/components/ui";
import { assessStudyQuery } from "../api/assess";
import { Workspace } from "../components/Workspace";
import { loadProtocol } from "../protocols/registry";

/** `/judge/:study` */
export function Judge() {
  const { study: slug = "" } = useParams();
  // Fetched anew at each visit; a refetch in the midst of judging would change nothing on the page.
  const study = useQuery({
    ...assessStudyQuery(slug),
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const name = study.data?.protocol;
  const protocol = useQuery({
    queryKey: ["protocol", name],
    queryFn: () => loadProtocol(name ?? ""),
    enabled: name !== undefined,
    staleTime: Infinity,
    retry: false,
  });
  if (study.data && protocol.data) {
    return <Workspace key={slug} study={study.data} protocol={protocol.data} />;
  }
  return (
    <Page title="Judging" width="narrow">
      <QueryState query={study} failure="This study cannot be judged" loading={<></>}>
        {() => (
          <QueryState query={protocol} failure="This study cannot be judged" loading={<></>}>
            {() => null}
          </QueryState>
        )}
      </QueryState>
    </Page>
  );
}
