// Package dag is the DAG as a value: tasks and groups, their graph, states and rules, when
// it runs, the assets and deadlines it has, and what was found wrong with it. It is pure
// data, which the package dagfile reads from files.
package dag

import (
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/timetable"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Position is a place in a file. Line and Column count from 1; 0 means unknown.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// DAG is one loaded DAG. Nobody changes it after loading.
type DAG struct {
	ID          string
	Pos         Position
	DisplayName string
	Description string
	DocMD       string
	Tags        []string
	Owner       string // the owners of its tasks, sorted, comma-separated

	// ScheduleText is the schedule as the file has it, for people.
	ScheduleText string
	// Timetable is never nil; a DAG without schedule by time has timetable.Never.
	Timetable timetable.Timetable
	// Assets is what the DAG waits for when it runs by assets, nil otherwise. A run is
	// due when it holds, whatever the timetable says.
	Assets *AssetCondition
	// Location is the zone of the schedule.
	Location *time.Location
	// StartDate and EndDate are zero when unset.
	StartDate, EndDate time.Time
	Catchup            bool

	MaxActiveRuns            int           // 16 unless set
	MaxActiveTasks           int           // 16 unless set; counted for each run
	DagrunTimeout            time.Duration // 0 is none
	FailFast                 bool
	MaxConsecutiveFailedRuns int
	IsPausedUponCreation     *bool
	RenderTemplateAsNative   bool
	TemplateSearchPath       []string
	OwnerLinks               map[string]string
	UserDefinedMacros        *Map
	// Params are the DAG's params: name to default value, in the order of the file.
	Params *Map
	// ParamSchemas has the JSON Schema of each typed param. One that is not in Params has no default.
	ParamSchemas map[string]map[string]any
	// ParamNames are all params in the order of the file, those without default included.
	ParamNames []string

	// DefaultArgs are the default_args of a DAG that comes from a file, those of defaults files included: durations in
	// ISO 8601, dates in UTC, without callbacks. A stored version has none, since its tasks have them already.
	DefaultArgs yamlvalue.Packed

	OnSuccess, OnFailure, OnRecovery []Callback
	// OnMissed is told of due ticks that started no run.
	OnMissed []Callback
	// Deadlines are moments by which each run is to have finished.
	Deadlines []Deadline

	// Tasks are in file order; edges are indexes into Tasks.
	Tasks  []*Task
	Groups []*Group

	// Version is the hash of the canonical form: two files that mean the same have the same
	// version.
	Version string
	// TemplateFiles are those of the version. Nil where its fields name none, and in a version that was made before versions had them.
	TemplateFiles *TemplateFiles

	// Schedule is what Timetable is made of.
	Schedule Schedule
	// Declared has the dependencies of tasks and groups by bare names when some concern a
	// group; nil when Upstream says all.
	Declared map[string][]string
	// PlainZone is where a plain cron expression is read.
	PlainZone *time.Location

	index map[string]int
}

// Task is one task of a DAG, defaults applied.
type Task struct {
	// ID is the full id, group prefixes included; Label is the bare id.
	ID, Label string
	Pos       Position
	// Group is the full id of the innermost group, empty at top level.
	Group string
	// Operator is the registered short name, for instance "bash".
	Operator string
	// Args holds the operator's own parameters as a YAML mapping, undecoded but
	// checked. Tasks with the same ones share the text.
	Args yamlvalue.Packed

	// Setup marks a task that prepares something for those after it, Teardown one that
	// takes it down again; a teardown has the trigger rule AllDoneSetupSuccess and does
	// not count for the state of the run unless OnFailureFailDagrun.
	Setup, Teardown, OnFailureFailDagrun bool

	// Upstream and Downstream are indexes into DAG.Tasks, ascending.
	Upstream, Downstream []int

	// Mapping makes the task a mapped one; nil for an ordinary task. Args has what is
	// the same for all instances then, and may lack what is mapped.
	Mapping *Mapping
	// Sensor holds the common sensor parameters; nil for any other operator. They are
	// in Args only where the operator lists them among its own parameters.
	Sensor *Sensor

	// Settings are the parameters that every operator takes. Never nil, and shared by the
	// tasks that have the same ones.
	*Settings
}

// DefaultOwner is the owner of a task that names none.
const DefaultOwner = "airflow"

// Settings are the parameters that every operator takes, defaults applied. Tasks share
// them, which for ten thousand DAGs is most of the memory: they are not to be changed.
type Settings struct {
	Owner                    string
	Doc                      string
	DisplayName              string
	Retries                  int
	RetryDelay               time.Duration // 5 minutes unless set
	RetryExponentialBackoff  float64       // 0 is off; true in the file is 2
	MaxRetryDelay            time.Duration // 0 is none
	ExecutionTimeout         time.Duration // 0 is none
	TriggerRule              TriggerRule
	DependsOnPast            bool
	WaitForDownstream        bool
	IgnoreFirstDependsOnPast bool
	// WaitForPastDependsBeforeSkipping holds back a skip until depends_on_past is met.
	WaitForPastDependsBeforeSkipping bool
	Pool                             string
	PoolSlots                        int
	PriorityWeight                   int
	WeightRule                       string
	Queue                            string
	MaxActiveTIsPerDAG               int // 0 is none
	MaxActiveTIsPerDAGRun            int // 0 is none
	DoXComPush                       bool
	MultipleOutputs                  bool
	StartDate, EndDate               time.Time
	Params                           *Map
	// ParamSchemas has the JSON Schema of each typed param.
	ParamSchemas map[string]map[string]any
	// ParamNames are all params of the task in the order of the file.
	ParamNames []string
	// Inlets and Outlets are the assets that the task reads and writes. A success of the
	// task updates its outlets.
	Inlets, Outlets []*Asset
	// MapIndexTemplate renders to the name of an instance, for people; empty for none.
	MapIndexTemplate string

	OnExecute, OnSuccess, OnFailure, OnRetry, OnSkipped, OnRecovery []Callback
	// OnAsk are told what the task asks people.
	OnAsk []Callback
}

// Sensor holds the parameters that every sensor has.
type Sensor struct {
	PokeInterval       time.Duration // 1 minute unless set
	Timeout            time.Duration // 7 days unless set
	Mode               string        // "poke" or "reschedule"
	SoftFail           bool
	NeverFail          bool
	SilentFail         bool
	ExponentialBackoff bool
	MaxWait            time.Duration // 0 is none
}

// Callback is one configured callback of a task or DAG.
type Callback struct {
	// Name is the registered short name, for instance "dingding".
	Name string
	Pos  Position
	// Args holds the callback's own parameters as a YAML mapping, undecoded but checked.
	Args *yaml.Node
}

// Group is one task group.
type Group struct {
	// ID is the full id, Parent the full id of the group around it or empty.
	ID, Label, Parent string
	Pos               Position
	Tooltip           string
	DisplayName       string
	// NoPrefix leaves the group's id out of the ids inside it.
	NoPrefix bool
}

// Task returns the task with the given full id, or nil.
func (d *DAG) Task(id string) *Task {
	if i := d.TaskIndex(id); i >= 0 {
		return d.Tasks[i]
	}
	return nil
}

// Named reports whether a branch that names id chooses the task: by its full or bare id, or
// by a group that it is in.
func (t *Task) Named(id string) bool {
	return t.ID == id || t.Label == id || t.Group == id || strings.HasPrefix(t.Group, id+".") || strings.HasSuffix(t.Group, "."+id)
}

// TaskIndex returns the index of a task in Tasks, or -1.
func (d *DAG) TaskIndex(id string) int {
	if d.index == nil {
		return slices.IndexFunc(d.Tasks, func(t *Task) bool { return t.ID == id })
	}
	if i, ok := d.index[id]; ok {
		return i
	}
	return -1
}
