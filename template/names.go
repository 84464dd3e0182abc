package template

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pytime"
	"github.com/dingdag/dingdag/template/internal/pyval"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Names is what a template may name, as far as it is known before it is rendered.
type Names struct {
	// More are names besides Airflow's: those of user_defined_macros, and what an
	// operator or notifier adds.
	More []string
	// Open says that there may be others still, so that nothing is said of unknown names.
	Open bool
	// Callback says that exception and reason may be there.
	Callback bool
	// Params are the params that the file declares.
	Params []string
	// AnyParam says that there may be others still, so that nothing is said of unknown ones.
	AnyParam bool
	// Tasks are the ids of the tasks of the DAG; nil, and nothing is said of unknown ones.
	Tasks []string
}

// NameFinding is what is wrong with a name in a template.
type NameFinding struct {
	// Line and Column count from 1 in the text, or in File if it is an included one.
	Line, Column int
	File         string
	// Name is what stands there.
	Name string
	// Warning is set where rendering need not fail.
	Warning bool
	Message string
}

// CheckNames reports names that a template has and nothing gives: those that Airflow 3
// removed, misspelt ones, attributes that a known object does not have, and xcom_pull of
// tasks that are not there. A name that the template itself binds, or asks for with
// "is defined" or "default", is no finding. What a condition may leave out is a
// warning. A template with other mistakes has no findings. include is that of [Context].
func (e *Env) CheckNames(src string, include func(name string) (string, error), n Names) []NameFinding {
	if !yamlvalue.HoldsTemplate(src) {
		return nil
	}
	t, err := lang.Parse(lang.Normalize(src), e.language, include)
	if err != nil {
		return nil // told by Check
	}
	var out []NameFinding
	for _, ref := range t.Uses(e.language) {
		at, name, said, warning := e.judge(&ref, &n)
		if said == "" {
			continue
		}
		line, column := lang.Position(ref.Source.Text, at)
		out = append(out, NameFinding{
			Line: line, Column: column, File: ref.Source.Name, Name: name, Warning: warning || !ref.Sure, Message: said,
		})
	}
	return out
}

// judge says what is wrong with one use, nothing if all is well.
func (e *Env) judge(ref *lang.Ref, n *Names) (at int, name, said string, warning bool) {
	if ref.Name == "" {
		return judgeConstant(ref)
	}
	if slices.Contains(n.More, ref.Name) || e.added[ref.Name] != nil {
		return 0, "", "", false
	}
	if instead, ok := removed[ref.Name]; ok {
		return ref.At, ref.Name, fmt.Sprintf("%s: Airflow 3 removed it; use %s", ref.Name, instead), false
	}
	switch _, known := variables[ref.Name]; {
	case (ref.Name == "exception" || ref.Name == "reason") && !n.Callback:
		if n.Open {
			return 0, "", "", false
		}
		return ref.At, ref.Name, ref.Name + " is known in callbacks only", false
	case known:
		return e.judgePath(ref, n)
	case n.Open || globals[ref.Name] != nil:
		return 0, "", "", false
	}
	names := slices.Concat(slices.Collect(maps.Keys(variables)), n.More, slices.Collect(maps.Keys(e.added)))
	return ref.At, ref.Name, ref.Name + " is not known here" + didYouMean(ref.Name, names), false
}

// judgePath looks at the attributes of one of Airflow's names.
func (e *Env) judgePath(ref *lang.Ref, n *Names) (at int, name, said string, warning bool) {
	if len(ref.Path) == 0 {
		return 0, "", "", false
	}
	first := ref.Path[0]
	owner := samples()[ref.Name]
	switch ref.Name {
	case "params":
		if n.AnyParam || first.Called || slices.Contains(n.Params, first.Name) || pyval.Has(pyval.NewDict(), first.Name) {
			return 0, "", "", false
		}
		return first.At, first.Name, fmt.Sprintf("no param %q is declared: only a run whose conf has it can render this%s",
			first.Name, didYouMean(first.Name, n.Params)), true
	case "conn":
		if first.Called || len(ref.Path) < 2 {
			return 0, "", "", false
		}
		first = ref.Path[1]
	case "ti", "task_instance":
		if first.Name == "xcom_pull" && first.Called {
			return judgePull(first, n)
		}
	}
	if owner == nil {
		return 0, "", "", false
	}
	return judgeStep(owner, pathText(ref, first), first)
}

// judgeConstant looks at the attribute of a constant.
func judgeConstant(ref *lang.Ref) (at int, name, said string, warning bool) {
	first := ref.Path[0]
	switch v := ref.Constant.(type) {
	case string:
		return judgeStep(v, "a text", first)
	case int64, *big.Int, float64:
		return judgeStep(v, "a number", first)
	case *pyval.Dict:
		if _, isKey := v.Get(first.Name); isKey && !pyval.Has(v, first.Name) {
			return 0, "", "", false
		}
	}
	return judgeStep(ref.Constant, constantNames[pyval.TypeName(ref.Constant)], first)
}

var constantNames = map[string]string{"list": "a list", "tuple": "a tuple", "dict": "a dict", "bool": "a truth value", "None": "none"}

// judgeStep looks for an attribute of a value that is called by a name.
func judgeStep(owner any, called string, step lang.Step) (at int, name, said string, warning bool) {
	switch {
	case pyval.HasAttr(owner, step.Name, step.Called):
		return 0, "", "", false
	case pyval.Has(owner, step.Name):
		return step.At, step.Name, fmt.Sprintf("%s is a method: write %s()", step.Name, step.Name), false
	}
	return step.At, step.Name, fmt.Sprintf("%s has no %s%s", called, step.Name, didYouMean(step.Name, pyval.Names(owner))), false
}

// pathText is the path before a step.
func pathText(ref *lang.Ref, until lang.Step) string {
	parts := []string{ref.Name}
	for _, s := range ref.Path {
		if s.At == until.At {
			break
		}
		parts = append(parts, s.Name)
	}
	return strings.Join(parts, ".")
}

// judgePull looks for the tasks that ti.xcom_pull names.
func judgePull(call lang.Step, n *Names) (at int, name, said string, warning bool) {
	_, otherDAG := call.Keywords["dag_id"]
	_, otherRun := call.Keywords["run_id"]
	if otherDAG || otherRun || len(call.Args) > 1 || n.Tasks == nil {
		return 0, "", "", false
	}
	ids := call.Keywords["task_ids"]
	if len(call.Args) == 1 {
		ids = call.Args[0]
	}
	for _, id := range ids {
		if slices.Contains(n.Tasks, id) {
			continue
		}
		hint := didYouMean(id, n.Tasks)
		for _, full := range n.Tasks {
			if strings.HasSuffix(full, "."+id) {
				hint = "; did you mean " + full + "?"
			}
		}
		return call.At, call.Name, fmt.Sprintf("xcom_pull: the DAG has no task %q%s", id, hint), true
	}
	return 0, "", "", false
}

// samples are objects of the kind that names stand for, to ask what attributes they have.
var samples = sync.OnceValue(func() map[string]any {
	r := &render{ctx: &Context{TI: TaskInstanceInfo{TaskID: "t"}, Task: TaskInfo{TaskID: "t"}}}
	at := pytime.NewDateTime(time.Unix(0, 0).UTC())
	out := map[string]any{
		"dag": r.dag(), "ti": r.instance(), "task_instance": r.instance(), "var": r.variableAccess(),
		"ds": "", "ds_nodash": "", "ts": "", "ts_nodash": "", "ts_nodash_with_tz": "", "run_id": "", "task_instance_key_str": "",
		"logical_date": at, "data_interval_start": at, "data_interval_end": at,
		"prev_data_interval_start_success": at, "prev_data_interval_end_success": at, "prev_start_date_success": at, "prev_end_date_success": at,
	}
	// Neither can fail for an empty value.
	out["dag_run"], _ = r.dagRun()
	out["conn"], _ = connection(&connections.Connection{})
	return out
})
