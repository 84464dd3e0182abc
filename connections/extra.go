package connections

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/yamlvalue"
)

// ExtraMap returns the extra as Go values, an empty map when it is null or
// empty. Numbers are [json.Number], so that no digit is lost. The error says
// where the text stops being a JSON object and shows nothing of it.
func (c *Connection) ExtraMap() (map[string]any, error) {
	extra := c.GetExtra().Reveal()
	if extra == "" {
		return map[string]any{}, nil
	}
	return decodeExtra(extra)
}

func decodeExtra(text string) (map[string]any, error) {
	var object map[string]any
	if err := decodeJSON([]byte(text), &object); err != nil {
		return nil, phrase.Err("conn.extra", err)
	}
	if object == nil {
		return nil, phrase.Err("conn.extra_null")
	}
	return object, nil
}

// decodeJSON decodes one JSON value and nothing after it. Its errors give a
// place but no text, which may be a secret.
func decodeJSON(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	err := dec.Decode(into)
	if err == nil {
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return phrase.Err("conn.json_after", dec.InputOffset())
		}
		return nil
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return phrase.Err("conn.syntax", syntax.Offset)
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		// Value may be "number 123"; only the kind is shown.
		got, _, _ := strings.Cut(kind.Value, " ")
		return phrase.Err("conn.no_object", got)
	}
	return phrase.Err("conn.json_short")
}

// pair is one member of form data or of a JSON object.
type pair struct{ key, value string }

func parseQuery(query string) ([]pair, error) {
	var pairs []pair
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		key, err := unquoteForm(key)
		if err != nil {
			return nil, err
		}
		if value, err = unquoteForm(value); err != nil {
			return nil, err
		}
		pairs = append(pairs, pair{key, value})
	}
	return pairs, nil
}

// objectOf writes pairs as a JSON object in order; a later pair replaces an
// earlier one of the same key.
func objectOf(pairs []pair) string {
	last := make(map[string]string, len(pairs))
	for _, p := range pairs {
		last[p.key] = p.value
	}
	var members []string
	for _, p := range pairs {
		if value, ok := last[p.key]; ok {
			members = append(members, jsonText(p.key)+":"+jsonText(value))
			delete(last, p.key)
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func jsonText(s string) string {
	return string(bytes.TrimSuffix(encodeJSON(s), []byte("\n")))
}

// encodeJSON encodes v followed by a newline, without escaping < > and & as
// json.Marshal does. It is only for values that always encode.
func encodeJSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("connections: encode %T: %v", v, err))
	}
	return b.Bytes()
}

// Fallbacks are the ids of the connections that extra.fallback names, in order: through them an
// alert is told that this one can't deliver. Robots, apps and mail servers have the key; the extra of
// other types is for something else.
func (c *Connection) Fallbacks() ([]string, error) {
	switch c.Type {
	case "dingding", "dingtalk", "smtp":
	default:
		return nil, nil
	}
	extra, err := c.ExtraMap()
	if err != nil {
		return nil, err
	}
	return ExtraTexts(extra, "fallback")
}

// ExtraTexts reads a key of an extra that holds one text or a list of them, which a connection that
// was written as a URI has as JSON text. Without the key it returns none.
func ExtraTexts(extra map[string]any, name string) ([]string, error) {
	v, ok := extra[name]
	if !ok || v == nil {
		return nil, nil
	}
	if text, ok := v.(string); ok && strings.HasPrefix(strings.TrimSpace(text), "[") {
		var list []any
		if json.Unmarshal([]byte(text), &list) == nil {
			v = list
		}
	}
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	var texts []string
	for _, x := range list {
		text, ok := x.(string)
		if n, isNumber := x.(json.Number); isNumber {
			text, ok = n.String(), true
		}
		if text = strings.TrimSpace(text); !ok || text == "" {
			return nil, fmt.Errorf("extra.%s must be a text or a list of texts", name)
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// ExtraTruth reads a key of an extra that holds true or false, which a connection that was written as a URI has as text.
// Without the key it is false.
func ExtraTruth(extra map[string]any, name string) (bool, error) {
	v := extra[name]
	if v == nil {
		return false, nil
	}
	on, ok := Truth(v)
	if !ok {
		return false, fmt.Errorf("extra.%s must be true or false", name)
	}
	return on, nil
}

// ChatCommands reads the key commands of an extra: the names of the commands that exist in the chat of an application,
// as people wrote them, or all that there are. Without the key these are all; with false there are none, and names is empty.
func ChatCommands(extra map[string]any) (all bool, names []string, err error) {
	v := extra["commands"]
	if v == nil {
		return true, nil, nil
	}
	if on, ok := Truth(v); ok {
		return on, nil, nil
	}
	lists, err := ExtraTexts(extra, "commands")
	if _, isNumber := v.(json.Number); isNumber || err != nil {
		return false, nil, errors.New("extra.commands must be true, false or a list of commands")
	}
	for _, list := range lists {
		names = append(names, strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(", ，、", r) })...)
	}
	return false, names, nil
}

// Truth is the true or false that a value of an extra holds, also as text; ok is false for any other value.
func Truth(v any) (value, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		b, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(v)))
		return b, err == nil
	}
	return false, false
}

// FallbackChain are the connections through which an alert is told that the connection id can't
// deliver, in the order in which they are tried: each of its fallbacks with the fallbacks of that one
// behind it, and each once. Of the problems those are [ErrNotFound] that name a connection which does
// not exist; the others name a loop, or an extra that can't be read. The chain does without them.
func FallbackChain(ctx context.Context, src Source, id string) (chain []string, problems []error) {
	w := walk{ctx: ctx, src: src}
	w.from(id, nil)
	return w.chain, w.problems
}

// walk goes through fallbacks.
type walk struct {
	ctx      context.Context //nolint:containedctx // it lives for one call
	src      Source
	chain    []string
	problems []error
}

// from visits a connection that was reached by way of others, which begin with the first.
func (w *walk) from(id string, path []string) {
	path = append(slices.Clone(path), id)
	c, err := w.src.Connection(w.ctx, id)
	var next []string
	if err == nil {
		if next, err = c.Fallbacks(); err != nil {
			err = About("connection", id, err)
		}
	}
	if err != nil {
		if len(path) > 1 {
			err = fmt.Errorf("fallback %s: %w", strings.Join(path, " -> "), err)
		}
		w.problems = append(w.problems, err)
		if errors.Is(err, ErrNotFound) && len(path) > 1 {
			w.chain = w.chain[:len(w.chain)-1] // it can't be tried
		}
		return
	}
	for _, id := range next {
		switch {
		case slices.Contains(path, id):
			w.problems = append(w.problems, fmt.Errorf("extra.fallback goes in a loop: %s", strings.Join(append(path, id), " -> ")))
		case !slices.Contains(w.chain, id):
			w.chain = append(w.chain, id)
			w.from(id, path)
		}
	}
}

// knownExtra are the keys that mean something in the extra of a type, those that only Airflow reads among them.
var knownExtra = map[string]string{ //nolint:gochecknoglobals // never changed
	"dingding": "secret keyword timeout rate quota robots fallback proxy verify " +
		"agent_id robot_code operator_user_id notify_user_ids open_conversation_id qps api_host oapi_host " +
		"conversation_id user_id stream card_template_id card_route_key commands http card_api_secret event_token event_aes_key event_owner",
	"smtp": "disable_ssl disable_tls ssl_context from_email subject_template html_content_template to fallback timeout retry_limit " +
		"auth_type access_token client_id client_secret tenant_id scope",
	"http": "timeout check_response verify cert allow_redirects max_redirects proxies trust_env encoding stream headers",
	"postgres": "sslmode sslcert sslkey sslrootcert sslpassword sslsni sslnegotiation sslcompression sslcrl target_session_attrs channel_binding " +
		"application_name options search_path timezone statement_timeout lock_timeout idle_in_transaction_session_timeout krbsrvname krbspn " +
		"connect_timeout client_encoding cursor keepalives keepalives_idle keepalives_interval keepalives_count",
	"mysql":  "connect_timeout read_timeout write_timeout unix_socket charset local_infile cursor client ssl_mode ssl",
	"sqlite": "mode cache immutable nolock timeout",
}

// sameExtra are the types whose extras are those of another one.
var sameExtra = map[string]string{ //nolint:gochecknoglobals // never changed
	"dingtalk": "dingding", "https": "http", "postgresql": "postgres", "mariadb": "mysql",
}

// Misspelt says which keys of the extra mean nothing and are like one that does, a line for each. Whatever else
// an extra holds may be for others. An extra of http holds headers, of which only the nearest are taken for mistakes.
func (c *Connection) Misspelt() (notes []string) {
	typ := c.Type
	if same, ok := sameExtra[typ]; ok {
		typ = same
	}
	known := strings.Fields(knownExtra[typ])
	extra, err := c.ExtraMap()
	if err != nil || len(known) == 0 {
		return nil // whoever uses the connection is told
	}
	for _, key := range slices.Sorted(maps.Keys(extra)) {
		if slices.Contains(known, key) {
			continue
		}
		limit := len([]rune(key)) / 3
		if typ == "http" {
			limit = min(limit, 1)
		}
		if near := yamlvalue.NearestWithin(strings.ToLower(key), limit, slices.Values(known)); near != "" {
			notes = append(notes, fmt.Sprintf("connection %s: the key %q of the extra means nothing; did you mean %q?", c.ID, key, near))
		}
	}
	return notes
}
