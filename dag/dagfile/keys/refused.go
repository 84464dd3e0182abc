package keys

import (
	"strings"

	"github.com/dingdag/dingdag/dag/dagfile/reading"
)

// rejectedKeys are keys of dag-factory and of older versions of it that have no
// counterpart, with what to do instead.
var rejectedKeys = map[string]string{
	"schedule_interval":      "was removed: use schedule" + reading.Converts,
	"dagrun_timeout_sec":     "was removed: use dagrun_timeout" + reading.Converts,
	"retry_delay_sec":        "was removed: use retry_delay" + reading.Converts,
	"sla_secs":               "was removed: use execution_timeout, or dagrun_timeout on the DAG" + reading.Converts,
	"execution_timeout_secs": "was removed: use execution_timeout" + reading.Converts,
	"execution_delta_secs":   "was removed: use execution_delta" + reading.Converts,

	"access_control": "is not supported: ignoring permissions in silence would be wrong; remove it",

	"doc_md_python_callable_name": "needs Python: use doc_md or doc_md_file_path",
	"doc_md_python_callable_file": "needs Python: use doc_md or doc_md_file_path",
	"doc_md_python_arguments":     "needs Python: use doc_md or doc_md_file_path",

	"executor_config": "is not supported: run the container through bash or http",
	"pre_execute":     "needs Python: use a task before this one",
	"post_execute":    "needs Python: use a task after this one",
	"decorator":       "is not supported, TaskFlow is Python-only: use operator",
}

// PythonParams are task parameters that hold Python code, with what to do
// instead. An operator that declares
// one of them under its own parameters takes it all the same.
var PythonParams = map[string]string{
	"python_callable":        "Python code cannot run here; use bash to start a script or http to call a service",
	"python_callable_name":   "Python code cannot run here; use bash to start a script or http to call a service",
	"python_callable_file":   "Python code cannot run here; use bash to start a script or http to call a service",
	"execution_date_fn":      "use execution_delta",
	"execution_date_fn_name": "use execution_delta",
	"execution_date_fn_file": "use execution_delta",
	"response_check":         "use success_when",
	"response_check_name":    "use success_when",
	"response_check_file":    "use success_when",
	"response_check_lambda":  "use success_when",
	"response_filter":        "Python code cannot run here; the response is the result as it is: take what is needed of it where it is used, in a template",
	"pagination_function":    "call http once for each page",
	"success_check_name":     "put the condition into the SQL, or use success_when",
	"success_check_file":     "put the condition into the SQL, or use success_when",
	"success_check_lambda":   "put the condition into the SQL, or use success_when",
	"failure_check_name":     "put the condition into the SQL, or use success_when",
	"failure_check_file":     "put the condition into the SQL, or use success_when",
	"failure_check_lambda":   "put the condition into the SQL, or use success_when",
	"success":                "put the condition into the SQL, or use success_when",
	"failure":                "put the condition into the SQL, or use success_when",
	"selector":               "select the cell to look at first in the SQL",
	"handler":                "Python code cannot run here; the rows are the result: put the rest into the SQL, or take what is needed where it is used",
	"output_processor":       "Python code cannot run here; the rows are the result: put the rest into the SQL, or take what is needed where it is used",
	"auth_type":              "configure the connection",
	"retry_handlers":         "configure the connection, or use retries",
}

// Rejected says what to do instead of a key that has no counterpart.
func Rejected(name string) (why string, ok bool) {
	if why, ok = rejectedKeys[name]; ok {
		return why, true
	}
	if strings.HasPrefix(name, "on_") && (strings.HasSuffix(name, "_callback_name") || strings.HasSuffix(name, "_callback_file")) {
		return "needs Python: name a notifier under " + name[:len(name)-len("_name")], true
	}
	return "", false
}
