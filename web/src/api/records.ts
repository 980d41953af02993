// Short names for the records of the API.
import type { components } from "./types";

type Schemas = components["schemas"];

export type StudySummary = Schemas["StudySummary"];
export type StudyRecord = Schemas["StudyRecord"];
export type SAESummary = Schemas["SAESummary"];
export type SAERecord = Schemas["SAERecord"];
export type NamedFigure = Schemas["NamedFigure"];
export type Interval = Schemas["Interval"];
export type FeatureName = Schemas["FeatureName"];
export type FeatureRow = Schemas["FeatureRow"];
export type FeaturePage = Schemas["FeaturePage"];
export type FeatureRecord = Schemas["FeatureRecord"];
export type Example = Schemas["Example"];
export type Examples = Schemas["Examples"];
export type Relations = Schemas["Relations"];
export type Candidate = Schemas["Candidate"];
export type Found = Schemas["Found"];
export type Beginning = Schemas["Beginning"];
export type Beginnings = Schemas["Beginnings"];
export type GroundTruthFigures = Schemas["GroundTruthFigures"];
export type Find = Schemas["Find"];
export type PromptRecord = Schemas["PromptRecord"];
export type PromptToken = Schemas["PromptToken"];
export type Problem = Schemas["Problem"];
export type TokenFigure = Schemas["TokenFigure"];
export type Writer = Schemas["Writer"];
export type Firing = Schemas["Firing"];
export type Steer = Schemas["Steer"];
export type NextRecord = Schemas["NextRecord"];
export type Run = Schemas["Run"];
export type CurvePoint = Schemas["CurvePoint"];
export type Distribution = Schemas["Distribution"];
export type FeatureCard = Schemas["FeatureCard"];
export type Firings = Schemas["Firings"];
export type DoseRecord = Schemas["DoseRecord"];
export type DosePoint = Schemas["DosePointRecord"];
