import { Stack, Text } from "@mantine/core";
import { LevelMark, SafeHtml } from "@/components/ui";
import type { AssessCategory, AssessStudy } from "../api/types";

/** What the levels mean, and what to look for in a category. */
export function Guidelines({
  study,
  category,
}: {
  study: Pick<AssessStudy, "scale">;
  category: AssessCategory | undefined;
}) {
  return (
    <Stack gap="lg">
      <Stack gap="xs">
        {[...study.scale]
          .sort((a, b) => b.level - a.level)
          .map(({ level, description }) => (
            <div key={level}>
              <LevelMark level={level} scale={study.scale} named />
              {description && (
                <Text size="sm" c="dimmed" pl="2.3em">
                  {description}
                </Text>
              )}
            </div>
          ))}
      </Stack>
      {category?.guidelines ? (
        <SafeHtml html={category.guidelines} />
      ) : (
        <Text size="sm" c="dimmed">
          No further guidelines are written for this category.
        </Text>
      )}
    </Stack>
  );
}
