package cli_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// languageServer is the variable that names the executable of yaml-language-server, the
// one behind the YAML support of most editors.
const languageServer = "DINGDAG_TEST_YAML_LANGUAGE_SERVER"

// editor talks to a language server as an editor does. It does one thing at a time.
type editor struct {
	t    *testing.T
	dir  string
	to   io.WriteCloser
	from *bufio.Reader
	next int
	// published are the diagnostics by document, as the server sends them.
	published map[string][]diagnostic
	opened    int
}

type position struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

type diagnostic struct {
	Range struct {
		Start position `json:"start"`
	} `json:"range"`
	Message string `json:"message"`
}

type rpcMessage struct {
	ID     *json.RawMessage `json:"id,omitempty"`
	Method string           `json:"method,omitempty"`
	Params json.RawMessage  `json:"params,omitempty"`
	Result json.RawMessage  `json:"result,omitempty"`
	Error  json.RawMessage  `json:"error,omitempty"`
}

// startEditor starts a server whose documents lie in a folder with the schema.
func startEditor(t *testing.T) *editor {
	t.Helper()
	path := os.Getenv(languageServer)
	if path == "" {
		t.Skipf("set %s to the executable of yaml-language-server", languageServer)
	}
	dir := t.TempDir()
	code, _, errs := run(t, "schema", "-o", filepath.Join(dir, "dag.schema.json"))
	require.Zero(t, code, errs)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path, "--stdio")
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	to, err := cmd.StdinPipe()
	require.NoError(t, err)
	from, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	e := &editor{t: t, dir: dir, to: to, from: bufio.NewReader(from), published: map[string][]diagnostic{}}
	t.Cleanup(func() {
		e.call("shutdown", nil)
		e.notify("exit", nil)
		assert.NoError(t, to.Close())
		_, err := io.Copy(io.Discard, e.from)
		assert.NoError(t, err)
		assert.NoError(t, cmd.Wait())
	})
	e.call("initialize", map[string]any{
		"processId": os.Getpid(), "rootUri": e.uri(""),
		"capabilities": map[string]any{
			"textDocument": map[string]any{
				"completion": map[string]any{"completionItem": map[string]any{"documentationFormat": []string{"markdown"}}},
				"hover":      map[string]any{"contentFormat": []string{"markdown"}},
			},
			"workspace": map[string]any{"configuration": true},
		},
	})
	e.notify("initialized", map[string]any{})
	return e
}

func (e *editor) uri(name string) string { return "file://" + filepath.Join(e.dir, name) }

func (e *editor) send(m map[string]any) {
	e.t.Helper()
	m["jsonrpc"] = "2.0"
	body, err := json.Marshal(m)
	require.NoError(e.t, err)
	_, err = fmt.Fprintf(e.to, "Content-Length: %d\r\n\r\n%s", len(body), body)
	require.NoError(e.t, err)
}

func (e *editor) notify(method string, params any) {
	e.t.Helper()
	e.send(map[string]any{"method": method, "params": params})
}

// receive reads one message. It answers what the server asks, and keeps diagnostics.
func (e *editor) receive() rpcMessage {
	e.t.Helper()
	header, err := textproto.NewReader(e.from).ReadMIMEHeader()
	require.NoError(e.t, err)
	length, err := strconv.Atoi(header.Get("Content-Length"))
	require.NoError(e.t, err)
	body := make([]byte, length)
	_, err = io.ReadFull(e.from, body)
	require.NoError(e.t, err)
	var m rpcMessage
	require.NoError(e.t, json.Unmarshal(body, &m))
	switch {
	case m.Method == "textDocument/publishDiagnostics":
		var p struct {
			URI         string       `json:"uri"`
			Diagnostics []diagnostic `json:"diagnostics"`
		}
		require.NoError(e.t, json.Unmarshal(m.Params, &p))
		e.published[p.URI] = append([]diagnostic{}, p.Diagnostics...)
	case m.Method != "" && m.ID != nil:
		e.send(map[string]any{"id": m.ID, "result": e.answer(m)})
	}
	return m
}

// answer is the editor's own: YAML 1.1, as DAG files are, and no schemas from the net.
func (e *editor) answer(m rpcMessage) any {
	if m.Method != "workspace/configuration" {
		return nil
	}
	var p struct {
		Items []struct {
			Section string `json:"section"`
		} `json:"items"`
	}
	require.NoError(e.t, json.Unmarshal(m.Params, &p))
	answers := make([]any, len(p.Items))
	for i, item := range p.Items {
		answers[i] = map[string]any{}
		if item.Section == "yaml" {
			answers[i] = map[string]any{
				"yamlVersion": "1.1", "validate": true, "hover": true, "completion": true,
				"schemaStore": map[string]any{"enable": false},
			}
		}
	}
	return answers
}

// call waits for the answer to a request.
func (e *editor) call(method string, params any) json.RawMessage {
	e.t.Helper()
	e.next++
	id := strconv.Itoa(e.next)
	request := map[string]any{"id": e.next, "method": method}
	if params != nil {
		request["params"] = params
	}
	e.send(request)
	for {
		m := e.receive()
		if m.Method == "" && m.ID != nil && string(*m.ID) == id {
			require.Empty(e.t, m.Error, method)
			return m.Result
		}
	}
}

// open opens a DAG file and waits for its diagnostics, which come as "line:column: text".
func (e *editor) open(text string) (uri string, found []string) {
	e.t.Helper()
	e.opened++
	uri = e.uri(fmt.Sprintf("dag_%d.yaml", e.opened))
	text = "# yaml-language-server: $schema=dag.schema.json\n" + text
	e.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "yaml", "version": 1, "text": text}})
	for e.published[uri] == nil {
		e.receive()
	}
	for _, d := range e.published[uri] {
		found = append(found, fmt.Sprintf("%d:%d: %s", d.Range.Start.Line, d.Range.Start.Character+1, d.Message))
	}
	return uri, found
}

// at opens a DAG file with a | in it, and returns the place of it.
func (e *editor) at(text string) map[string]any {
	e.t.Helper()
	before, after, found := strings.Cut(text, "|")
	require.True(e.t, found)
	uri, _ := e.open(before + after)
	lines := strings.Split(before, "\n")
	return map[string]any{
		"textDocument": map[string]any{"uri": uri},
		"position":     position{Line: len(lines), Character: len(lines[len(lines)-1])},
	}
}

// completions lists what the server offers at the | of a DAG file, with the words on each.
func (e *editor) completions(text string) (labels []string, docs map[string]string) {
	e.t.Helper()
	var list struct {
		Items []struct {
			Label         string          `json:"label"`
			Documentation json.RawMessage `json:"documentation"`
		} `json:"items"`
	}
	require.NoError(e.t, json.Unmarshal(e.call("textDocument/completion", e.at(text)), &list))
	docs = map[string]string{}
	for _, item := range list.Items {
		labels = append(labels, item.Label)
		docs[item.Label] = string(item.Documentation)
	}
	return labels, docs
}

// hover is what the server shows at the | of a DAG file.
func (e *editor) hover(text string) string {
	e.t.Helper()
	var shown struct {
		Contents struct {
			Value string `json:"value"`
		} `json:"contents"`
	}
	require.NoError(e.t, json.Unmarshal(e.call("textDocument/hover", e.at(text)), &shown))
	return shown.Contents.Value
}
