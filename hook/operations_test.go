package hook_test

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"maps"
	"net/http"
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

// fact is what DingTalk's pages say about one call, with an example.
type fact struct {
	Generation string `json:"generation"`
	Method     string `json:"method"`
	Path       string `json:"path"`
	Docs       string `json:"docs"`
	Request    struct {
		Path  map[string]string `json:"path"`
		Query map[string]any    `json:"query"`
		Body  any               `json:"body"`
	} `json:"request"`
	Response any `json:"response"`
}

// facts is the data of the pages, in testdata/operations.json.
type facts struct {
	Operations         map[string]fact           `json:"operations"`
	MsgTemplates       map[string][]string       `json:"msg_templates"`
	WorkNoticeMessages map[string]map[string]any `json:"work_notice_messages"`
}

func readFacts(t *testing.T) facts {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "operations.json"))
	require.NoError(t, err)
	var f facts
	require.NoError(t, json.Unmarshal(data, &f))
	return f
}

// operation makes the call of an example.
type operation struct {
	// function is the one whose comment names the call: "directory.GetUser".
	function string
	call     func(ctx context.Context, a *hook.App) (any, error)
	// result is where in the example's response the function's result stands, with dots;
	// empty is the whole and "-" nowhere.
	result string
	// multipart bodies are compared elsewhere.
	multipart bool
}

// operations are the calls by the name that they have in the facts.
func operations() map[string]operation {
	all := map[string]operation{}
	for _, some := range []map[string]operation{
		userOperations(), departmentOperations(), chatOperations(), sceneGroupOperations(), noticeOperations(), botOperations(),
		cardOperations(), mediaOperations(), wikiOperations(), sheetOperations(),
	} {
		maps.Copy(all, some)
	}
	return all
}

// Each function sends what the example on DingTalk's page sends, and reads its answer.
func TestOperationsMatchTheFacts(t *testing.T) {
	t.Parallel()
	known := readFacts(t).Operations
	for id, op := range operations() {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			f, found := known[id]
			require.True(t, found, "no such facts")
			answer, err := json.Marshal(f.Response)
			require.NoError(t, err)
			s := startApp(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(answer) })
			got, err := op.call(t.Context(), s.app(t))
			require.NoError(t, err)
			require.Len(t, s.got(), 1)
			checkRequest(t, f, op, s.got()[0])
			if op.result != "-" {
				checkResult(t, at(f.Response, op.result), got)
			}
		})
	}
}

func checkRequest(t *testing.T, f fact, op operation, got appCall) {
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
	case op.multipart:
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

// at finds the value at a path with dots.
func at(value any, path string) any {
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
	checkWithin(t, "result", want, got)
}

func checkWithin(t *testing.T, place string, want, got any) {
	t.Helper()
	fields, isMap := want.(map[string]any)
	if !isMap {
		if list, isList := want.([]any); isList && len(list) > 0 {
			gotList, _ := got.([]any)
			require.Len(t, gotList, len(list), place)
			for i := range list {
				checkWithin(t, place, list[i], gotList[i])
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
			checkWithin(t, place+"."+name, value, gotFields[name])
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

// readFunctions finds the functions with the directive "//dingtalk:api METHOD /path", here
// and in the packages of the resources.
func readFunctions(t *testing.T) map[string]apiFunction {
	t.Helper()
	functions := map[string]apiFunction{}
	here, err := filepath.Glob("*.go")
	require.NoError(t, err)
	below, err := filepath.Glob("*/*.go")
	require.NoError(t, err)
	for _, name := range append(here, below...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, parser.ParseComments)
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
				functions[file.Name.Name+"."+f.Name.Name] = found
			}
		}
	}
	return functions
}

// What a function's comment says about its endpoint and page is what it calls.
func TestCommentsMatchTheFacts(t *testing.T) {
	t.Parallel()
	functions, known := readFunctions(t), readFacts(t).Operations
	covered := map[string]bool{
		"POST /robot/send": true, "POST /robot/sendBySession": true, "GET /gettoken": true, "POST /v1.0/oauth2/accessToken": true,
	}
	for id, op := range operations() {
		f, m := known[id], functions[op.function]
		assert.Contains(t, m.apis, f.Method+" "+f.Path, "the comment of %s, for %s", op.function, id)
		if f.Docs != "" {
			assert.Contains(t, m.doc, "https://open.dingtalk.com/document/development/"+f.Docs+"\n", "the comment of %s, for %s", op.function, id)
		}
		covered[f.Method+" "+f.Path] = true
	}
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		for _, api := range functions[name].apis {
			assert.True(t, covered[api], "%s of %s has no test in operations()", api, name)
		}
	}
}
