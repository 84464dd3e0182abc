package http

import (
	"encoding/json"
	"fmt"
	"strings"

	hookhttp "github.com/dingdag/dingdag/hook/http"
	"github.com/dingdag/dingdag/operator"
)

// holds reports whether a condition on a response holds.
func holds(tc *operator.TaskContext, condition string, r *hookhttp.Response) (bool, error) {
	text, err := r.Text()
	if err != nil && condition != "" {
		return false, operator.Fail(err)
	}
	headers := map[string]any{}
	for name, values := range r.Header {
		headers[name] = strings.Join(values, ", ")
		headers[strings.ToLower(name)] = headers[name]
	}
	response := map[string]any{"status": r.Status, "headers": headers, "text": text}
	if body := []byte(text); json.Valid(body) {
		response["json"] = json.RawMessage(body)
	}
	held, err := tc.Holds(condition, map[string]any{"response": response})
	if err != nil {
		return false, fmt.Errorf("%s: success_when: %w", r.Request, err)
	}
	return held, nil
}

// unmet says that success_when does not hold.
func unmet(r *hookhttp.Response) error {
	return fmt.Errorf("%s: success_when does not hold: answered %s: %s", r.Request, r.StatusText, r.Excerpt())
}
