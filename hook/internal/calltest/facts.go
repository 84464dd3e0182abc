package calltest

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
)

// Fact is what DingTalk's pages say about one call, with an example.
type Fact struct {
	Generation string `json:"generation"`
	Method     string `json:"method"`
	Path       string `json:"path"`
	Docs       string `json:"docs"`
	Request    struct {
		Path  map[string]string `json:"path"`
		Query map[string]any    `json:"query"`
		Body  any               `json:"body"`
		// Calls are those of a composite.
		Calls []struct {
			Method string `json:"method"`
			Path   string `json:"path"`
			Body   any    `json:"body"`
		} `json:"calls"`
	} `json:"request"`
	Response any `json:"response"`
}

// Facts is the data of the pages, in testdata/operations.json.
type Facts struct {
	Operations         map[string]Fact           `json:"operations"`
	MsgTemplates       map[string][]string       `json:"msg_templates"`
	WorkNoticeMessages map[string]map[string]any `json:"work_notice_messages"`
}

// ReadFacts reads them, in a test of package hook or of one below it.
func ReadFacts(t *testing.T) Facts {
	t.Helper()
	name := filepath.Join("testdata", "operations.json")
	if _, err := os.Stat(name); err != nil {
		name = filepath.Join("..", name)
	}
	data, err := os.ReadFile(name) //nolint:gosec // a file of ours
	require.NoError(t, err)
	var f Facts
	require.NoError(t, json.Unmarshal(data, &f))
	return f
}

// Operation makes the call of an example.
type Operation struct {
	// Function is the one whose comment names the call: "GetUser".
	Function string
	Call     func(ctx context.Context, a *hook.App) (any, error)
	// Result is where in the example's response the function's result stands, with dots;
	// empty is the whole and "-" nowhere.
	Result string
	// Multipart bodies are compared elsewhere.
	Multipart bool
}

// Check makes the call of each example, by its name in the facts: it sends what the page shows
// and reads its answer.
func Check(t *testing.T, operations map[string]Operation) {
	t.Helper()
	known := ReadFacts(t).Operations
	for id, op := range operations {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			f, found := known[id]
			require.True(t, found, "no such facts")
			answer, err := json.Marshal(f.Response)
			require.NoError(t, err)
			s := Start(t, Answering(string(answer)))
			got, err := op.Call(t.Context(), s.App(t))
			require.NoError(t, err)
			require.Len(t, s.Got(), 1)
			checkRequest(t, f, op, s.Got()[0])
			if op.Result != "-" {
				checkResult(t, At(f.Response, op.Result), got)
			}
		})
	}
}

// CheckSequence checks the calls that a composite is made of.
func CheckSequence(t *testing.T, id string, got []Call) {
	t.Helper()
	want := ReadFacts(t).Operations[id].Request.Calls
	require.NotEmpty(t, want, id)
	require.Len(t, got, len(want))
	for i, c := range want {
		path, err := url.PathUnescape(got[i].Path)
		require.NoError(t, err)
		assert.Equal(t, c.Method+" "+c.Path, got[i].Method+" "+path)
		assert.Equal(t, url.Values{"operatorId": {Union}}, got[i].Query)
		if c.Body == nil {
			assert.Empty(t, got[i].Body)
			continue
		}
		body, err := json.Marshal(c.Body)
		require.NoError(t, err)
		assert.JSONEq(t, string(body), got[i].Body)
	}
}

// CheckComments checks the comments of the functions in this folder that have a directive
// "//dingtalk:api METHOD /path": it and the page are those of the example, and each has one, but
// for the calls that are tested elsewhere.
func CheckComments(t *testing.T, operations map[string]Operation, elsewhere ...string) {
	t.Helper()
	functions, known := readFunctions(t), ReadFacts(t).Operations
	covered := map[string]bool{}
	for _, call := range elsewhere {
		covered[call] = true
	}
	for id, op := range operations {
		f, m := known[id], functions[op.Function]
		assert.Contains(t, m.apis, f.Method+" "+f.Path, "the comment of %s, for %s", op.Function, id)
		if f.Docs != "" {
			assert.Contains(t, m.doc, "https://open.dingtalk.com/document/development/"+f.Docs+"\n", "the comment of %s, for %s", op.Function, id)
		}
		covered[f.Method+" "+f.Path] = true
	}
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		for _, api := range functions[name].apis {
			assert.True(t, covered[api], "%s of %s has no example among the operations", api, name)
		}
	}
}

func checkRequest(t *testing.T, f Fact, op Operation, got Call) {
	t.Helper()
	path := f.Path
	for name, value := range f.Request.Path {
		path = strings.Replace(path, "{"+name+"}", strings.NewReplacer("+", "%20", "%3A", ":").Replace(url.QueryEscape(value)), 1)
	}
	assert.Equal(t, []string{f.Generation, f.Method, path}, []string{got.Generation, got.Method, got.Path})
	query := url.Values{}
	for name, value := range f.Request.Query {
		encoded, err := json.Marshal(value)
		require.NoError(t, err)
		query.Set(name, strings.Trim(string(encoded), `"`))
	}
	assert.Equal(t, query, got.Query)
	assert.Equal(t, f.Generation+"-token", got.Token)
	assert.Equal(t, "application/json", got.Header.Get("Accept"))
	switch {
	case op.Multipart:
	case f.Request.Body == nil:
		assert.Empty(t, got.Body)
		assert.Empty(t, got.ContentType)
	default:
		var body any
		require.NoError(t, json.Unmarshal([]byte(got.Body), &body))
		assert.Equal(t, unpack(t, f.Request.Body), unpack(t, body))
		assert.Equal(t, "application/json; charset=utf-8", got.ContentType)
	}
}

// unpack decodes the JSON text that stands in msgParam, whose keys may have any order.
func unpack(t *testing.T, body any) any {
	t.Helper()
	fields, _ := body.(map[string]any)
	if text, ok := fields["msgParam"].(string); ok {
		var param any
		require.NoError(t, json.Unmarshal([]byte(text), &param))
		fields["msgParam"] = param
	}
	return body
}

// At finds the value at a path with dots.
func At(value any, path string) any {
	if path == "" {
		return value
	}
	for name := range strings.SplitSeq(path, ".") {
		fields, _ := value.(map[string]any)
		value = fields[name]
	}
	return value
}

// checkResult checks that all that DingTalk answered is in the result, under its own key.
func checkResult(t *testing.T, want, result any) {
	t.Helper()
	encoded, err := json.Marshal(result)
	require.NoError(t, err)
	var got any
	require.NoError(t, json.Unmarshal(encoded, &got))
	CheckWithin(t, "result", want, got)
}

// CheckWithin checks that all of a value is in another, but for the envelope of answers.
func CheckWithin(t *testing.T, place string, want, got any) {
	t.Helper()
	fields, isMap := want.(map[string]any)
	if !isMap {
		if list, isList := want.([]any); isList && len(list) > 0 {
			gotList, _ := got.([]any)
			require.Len(t, gotList, len(list), place)
			for i := range list {
				CheckWithin(t, place, list[i], gotList[i])
			}
			return
		}
		assert.True(t, isEmpty(want) && isEmpty(got) || assert.ObjectsAreEqual(want, got), "%s: want %v, got %v", place, want, got)
		return
	}
	gotFields, _ := got.(map[string]any)
	for name, value := range fields {
		switch name {
		case "errcode", "errmsg", "request_id", "success": // of the envelope
		default:
			CheckWithin(t, place+"."+name, value, gotFields[name])
		}
	}
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case float64:
		return v == 0
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// apiFunction is a function with its directives and its text.
type apiFunction struct {
	doc  string
	apis []string
}

// readFunctions finds the exported functions with directives.
func readFunctions(t *testing.T) map[string]apiFunction {
	t.Helper()
	functions := map[string]apiFunction{}
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Doc == nil || !f.Name.IsExported() {
				continue
			}
			found := apiFunction{doc: f.Doc.Text()}
			for _, c := range f.Doc.List {
				if api, ok := strings.CutPrefix(c.Text, "//dingtalk:api "); ok {
					found.apis = append(found.apis, api)
				}
			}
			if len(found.apis) > 0 {
				functions[f.Name.Name] = found
			}
		}
	}
	return functions
}
