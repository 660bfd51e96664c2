// SPDX-License-Identifier: Apache-2.0
//
// What /api/v1 answers, as far as the pages read it.

export type LabelSet = Record<string, string>;
export type Point = [number, string];

/** Boundary rule (0 = (lo, hi], 1 = [lo, hi), 2 = open, 3 = closed), bounds and count. */
export type Bucket = [number, string, string, string];
export interface HistogramValue {
  count: string;
  sum: string;
  buckets?: Bucket[];
}
export type HistogramPoint = [number, HistogramValue];

export interface VectorRow {
  metric: LabelSet;
  value?: Point;
  histogram?: HistogramPoint;
}
export interface MatrixRow {
  metric: LabelSet;
  values?: Point[];
  histograms?: HistogramPoint[];
}
export type QueryData =
  | { resultType: 'vector'; result: VectorRow[] }
  | { resultType: 'matrix'; result: MatrixRow[] }
  | { resultType: 'scalar' | 'string'; result: Point };

export type Health = 'up' | 'down' | 'unknown';
export interface ActiveTarget {
  discoveredLabels: LabelSet;
  labels: LabelSet;
  scrapePool: string;
  scrapeUrl: string;
  globalUrl: string;
  lastError: string;
  lastScrape: string;
  lastScrapeDuration: number;
  health: Health;
  scrapeInterval: string;
  scrapeTimeout: string;
}
export interface DroppedTarget {
  discoveredLabels: LabelSet;
  scrapePool: string;
}
export interface Targets {
  activeTargets: ActiveTarget[];
  droppedTargets: DroppedTarget[];
  droppedTargetCounts: Record<string, number> | null;
}

export interface Alert {
  labels: LabelSet;
  annotations: LabelSet;
  state: 'pending' | 'firing' | 'inactive';
  activeAt?: string;
  keepFiringSince?: string;
  value: string;
}
interface RuleBase {
  name: string;
  query: string;
  labels?: LabelSet;
  health: 'ok' | 'err' | 'unknown';
  lastError?: string;
  evaluationTime: number;
  lastEvaluation: string;
}
export interface AlertingRule extends RuleBase {
  type: 'alerting';
  state: 'pending' | 'firing' | 'inactive' | 'unknown';
  duration: number;
  keepFiringFor?: number;
  annotations?: LabelSet;
  alerts: Alert[] | null;
}
export interface RecordingRule extends RuleBase {
  type: 'recording';
}
export type Rule = AlertingRule | RecordingRule;
export interface RuleGroup {
  name: string;
  file: string;
  rules: Rule[];
  interval: number;
  limit: number;
  evaluationTime: number;
  lastEvaluation: string;
}

/** An answer of /rules; the token is there when more groups follow. */
export interface RulePage {
  groups: RuleGroup[];
  groupNextToken?: string;
}

export interface NameValue {
  name: string;
  value: number;
}
export interface TsdbStatus {
  headStats: {
    numSeries: number;
    numLabelPairs: number;
    chunkCount: number;
    minTime: number;
    maxTime: number;
  };
  seriesCountByMetricName: NameValue[] | null;
  labelValueCountByLabelName: NameValue[] | null;
  memoryInBytesByLabelName: NameValue[] | null;
  seriesCountByLabelValuePair: NameValue[] | null;
}
