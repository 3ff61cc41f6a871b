import { ActionIcon, Badge, Drawer, Group, Stack, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useKeys } from "@/lib/keys";
import type { CatalogImage } from "../api/types";
import classes from "./ImageDrawer.module.css";

interface Props {
  image: CatalogImage | null;
  onClose: () => void;
  /** Go to the image before (-1) or after (1); undefined at an end. */
  onStep: ((by: -1 | 1) => void) | undefined;
  actions?: React.ReactNode;
}

/** One image with all that is known about it. */
export function ImageDrawer({ image, onClose, onStep, actions }: Props) {
  useKeys([
    {
      keys: "ArrowLeft",
      label: "Image before",
      enabled: image !== null && onStep !== undefined,
      repeat: true,
      run: () => onStep?.(-1),
    },
    {
      keys: "ArrowRight",
      label: "Image after",
      enabled: image !== null && onStep !== undefined,
      repeat: true,
      run: () => onStep?.(1),
    },
  ]);
  return (
    <Drawer
      opened={image !== null}
      onClose={onClose}
      position="right"
      size="lg"
      title={
        <Text fw={600} style={{ overflowWrap: "anywhere" }}>
          {image?.image_id ?? ""}
        </Text>
      }
    >
      {image && (
        <Stack>
          <div className={classes.stage}>
            <img
              key={image.image_url}
              src={image.image_url}
              alt={image.captions[0] ?? image.image_id}
            />
          </div>
          <Group justify="space-between">
            <Group gap="xs">
              <ActionIcon
                variant="default"
                aria-label="Image before"
                disabled={!onStep}
                onClick={() => onStep?.(-1)}
              >
                <IconChevronLeft size={18} aria-hidden />
              </ActionIcon>
              <ActionIcon
                variant="default"
                aria-label="Image after"
                disabled={!onStep}
                onClick={() => onStep?.(1)}
              >
                <IconChevronRight size={18} aria-hidden />
              </ActionIcon>
              {image.excluded && <Badge color="gray">Screened out: {image.excluded}</Badge>}
            </Group>
            {actions}
          </Group>
          {image.captions.length > 0 && (
            <Stack gap={4}>
              <Text size="sm" fw={600}>
                {image.captions.length === 1 ? "Caption" : "Captions"}
              </Text>
              {image.captions.map((caption, index) => (
                <Text key={index} size="sm">
                  {caption}
                </Text>
              ))}
            </Stack>
          )}
          <Stack gap={4}>
            <Text size="sm" fw={600}>
              Details
            </Text>
            <dl className={classes.facts}>
              <Fact name="File" value={image.file_name} />
              {image.width !== null && image.height !== null && (
                <Fact name="Size" value={`${image.width} × ${image.height} px`} />
              )}
              {Object.entries(image.metadata).map(([name, value]) => (
                <Fact key={name} name={name} value={wordOf(value)} />
              ))}
            </dl>
          </Stack>
        </Stack>
      )}
    </Drawer>
  );
}

function wordOf(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}
