package keys

import "strings"

// rejectedKeys are keys of dag-factory that have no counterpart, with what to do instead.
var rejectedKeys = map[string]string{
	"access_control": "is not supported: ignoring permissions in silence would be wrong; remove it",

	"doc_md_python_callable_name": "needs Python: use doc_md or doc_md_file_path",
	"doc_md_python_callable_file": "needs Python: use doc_md or doc_md_file_path",
	"doc_md_python_arguments":     "needs Python: use doc_md or doc_md_file_path",

	"executor_config": "is not supported: run the container through bash or http",
	"pre_execute":     "needs Python: use a task before this one",
	"post_execute":    "needs Python: use a task after this one",
	"decorator":       "is not supported, TaskFlow is Python-only: use operator",
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
