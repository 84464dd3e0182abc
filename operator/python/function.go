package python

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard/process"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Function is a Python function and how it is called.
type Function struct {
	Callable
	Call
	o Options
}

func newFunction(o Options) Function { return Function{o: o} }

// SourceFolders is the DAGs folder.
func (f *Function) SourceFolders() []string { return f.o.folders() }

func (o Options) folders() []string {
	if o.Root == "" {
		return nil
	}
	return []string{o.Root}
}

// Sources reads the files of the function and of templates_dict.
func (f *Function) Sources(folders []string, read func(name string) (string, error)) error {
	return errors.Join(f.sourcesOf(folders, read), f.files(read))
}

// Call is how a function is called.
type Call struct {
	// OpArgs are the positional arguments.
	OpArgs []any `yaml:"op_args" param:"template"`
	// OpKwargs are the named arguments. They go before names of the context.
	OpKwargs map[string]any `yaml:"op_kwargs" param:"template"`
	// XComArgs are named arguments that are results of other tasks: a mapping from the name to the id of the task, or id['key'] for an XCom with
	// another key than return_value.
	XComArgs map[string]string `yaml:"xcom_args"`
	// TemplatesDict is a mapping whose text is rendered; the function finds it as templates_dict.
	TemplatesDict map[string]any `yaml:"templates_dict" param:"template"`
	// TemplatesExts are the endings of values of templates_dict that name a template file.
	TemplatesExts []string `yaml:"templates_exts"`
	// ShowReturnValueInLogs writes the result to the task log, its first 4096 characters.
	ShowReturnValueInLogs bool `yaml:"show_return_value_in_logs" param:"default=true"`
	// Python is the interpreter: a path, or a name that is looked for in PATH. By default it is that of the setting python.
	Python string `yaml:"python"`
	// Env are variables of the environment of the interpreter.
	Env map[string]string `yaml:"env_vars" param:"template"`
	// InheritEnv adds to them those of the worker, without connections, sensitive variables and keys unless the setting pass_env
	// lets them through.
	InheritEnv bool `yaml:"inherit_env" param:"default=true"`
	// SkipOnExitCode lists the codes with which sys.exit skips the task: a number, a list or null.
	SkipOnExitCode []int `yaml:"skip_on_exit_code" param:"single,min=0,max=255"`
}

// templateFile reports whether a value of templates_dict names a template file.
func (c *Call) templateFile(value any) (name string, ok bool) {
	name, ok = value.(string)
	return name, ok && !strings.ContainsAny(name, "\r\n") && slices.ContainsFunc(c.TemplatesExts, func(end string) bool { return strings.HasSuffix(name, end) })
}

// templates is templates_dict with the text of the files that it names, rendered.
func (c *Call) templates(tc *operator.TaskContext) (map[string]any, error) {
	out := maps.Clone(c.TemplatesDict)
	for key, value := range out {
		name, ok := c.templateFile(value)
		if !ok {
			continue
		}
		if tc.Insight == nil {
			return nil, errNoStore
		}
		text, err := tc.Insight.File(name)
		if err == nil {
			text, err = tc.Render(text, nil)
		}
		if err != nil {
			return nil, operator.Fail(fmt.Errorf("templates_dict: %s: %w", key, err))
		}
		out[key] = text
	}
	return out, nil
}

func (c *Call) files(read func(name string) (string, error)) error {
	var errs []error
	for _, value := range c.TemplatesDict {
		if name, ok := c.templateFile(value); ok && !yamlvalue.HoldsTemplate(name) {
			_, err := read(name)
			errs = append(errs, params.At("templates_dict", err))
		}
	}
	return errors.Join(errs...)
}

// job is the call, with the context of the task.
func (f *Function) job(tc *operator.TaskContext) *job {
	j := &job{
		OpArgs: []any{}, OpKwargs: map[string]any{}, Show: f.ShowReturnValueInLogs, Keep: !tc.DropsResult, Context: map[string]any{},
	}
	if f.OpArgs != nil {
		j.OpArgs = params.FloatNumbers(f.OpArgs)
	}
	if f.OpKwargs != nil {
		j.OpKwargs = params.FloatNumbers(f.OpKwargs)
	}
	if tc.Insight != nil {
		j.Context = tc.Insight.Values()
	}
	return j
}

// resultReference is a task id, with the key of an XCom behind it.
var resultReference = regexp.MustCompile(`^([^\[\]]+?)(?:\[\s*['"]([^'"]+)['"]\s*\])?$`)

// results adds the arguments that are results of tasks.
func (f *Function) results(ctx context.Context, tc *operator.TaskContext, j *job) error {
	if len(f.XComArgs) == 0 {
		return nil
	}
	all := map[string]any{}
	if given, ok := j.OpKwargs.(map[string]any); ok {
		maps.Copy(all, given)
	}
	for name, from := range f.XComArgs {
		m := resultReference.FindStringSubmatch(from)
		if m == nil {
			return operator.Fail(fmt.Errorf("xcom_args: %s: %q is neither the id of a task nor id['key']", name, from))
		}
		value, err := tc.XCom.Pull(ctx, m[1], cmp.Or(m[2], "return_value"))
		if err != nil {
			return fmt.Errorf("xcom_args: %s: %w", name, err)
		}
		if all[name] = nil; value != nil {
			all[name] = value
		}
	}
	j.OpKwargs = all
	return nil
}

// value is what becomes the XCom.
func (f *Function) value(m *message, err error) (any, error) {
	if err != nil || m.None || m.Result == nil {
		return nil, err
	}
	return m.Result, nil
}

// call runs the function once.
func (f *Function) call(ctx context.Context, tc *operator.TaskContext, j *job) (*message, error) {
	named, err := f.function()
	if err != nil {
		return nil, operator.Fail(err)
	}
	path, err := f.o.interpreter(f.Python)
	if err != nil {
		return nil, missing(err)
	}
	dir, remove, err := process.Directory("")
	if err != nil {
		return nil, err
	}
	defer remove()
	if err := f.results(ctx, tc, j); err != nil {
		return nil, err
	}
	if j.TemplatesDict, err = f.templates(tc); err != nil {
		return nil, err
	}
	if err := f.o.place(tc, named, dir, j); err != nil {
		return nil, operator.Fail(err)
	}
	tc.Log.InfoContext(ctx, "Calling the Python function", "function", named.name, "of", named.file+named.module, "python", path)
	s := &session{tc: tc, job: j, interpreter: path}
	out := process.NewOutput(ctx, tc, "utf-8")
	err = s.run(ctx, process.Program{Path: path, Args: []string{"-u", "-c", bootstrap}, Dir: dir, Env: process.Environ(tc, f.Env, f.InheritEnv)}, out)
	return s.result(tc, f.SkipOnExitCode, err, out)
}

// result is what became of the function.
func (s *session) result(tc *operator.TaskContext, skips []int, err error, out *process.Output) (*message, error) {
	if stopped, ok := errors.AsType[process.StoppedError](err); ok {
		return nil, fmt.Errorf("the Python function was stopped: %w", stopped.Cause)
	}
	last := s.last
	switch {
	case s.broken != nil:
		return nil, fmt.Errorf("talk to the Python interpreter: %w%s", s.broken, out.Tail())
	case last == nil:
		return nil, ended(err, out)
	case last.Op == "old":
		return nil, operator.Fail(fmt.Errorf("%s is Python %s: tasks need 3.8 or newer; name another interpreter in the setting python (DINGDAG_PYTHON) or the parameter python of the task",
			s.interpreter, last.Version))
	case last.Op == "done":
		return last, nil
	}
	if last.Kind == "exit" && slices.Contains(skips, last.Code) {
		return nil, operator.Skip(last.Error)
	}
	switch said := errors.New(last.Error); last.Kind {
	case "skip":
		return nil, operator.Skip(last.Error)
	case "fail":
		return nil, operator.Fail(said)
	case "reschedule":
		at, err := time.Parse(time.RFC3339Nano, last.At)
		if err != nil {
			return nil, fmt.Errorf("reschedule for %q: %w", last.At, err)
		}
		return nil, operator.ComeAgain(max(at.Sub(tc.Now()), time.Millisecond), "rescheduled for "+last.At)
	default:
		return nil, fmt.Errorf("the Python function raised %w", said)
	}
}
