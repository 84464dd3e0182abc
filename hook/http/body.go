package http

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-resty/resty/v2"

	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

// fill puts the data into the request, as Airflow and dag-factory do: into the query
// of a GET, behind that of the endpoint, else into the body.
func (r *Request) fill(request *resty.Request, target *url.URL) error {
	text, form, err := r.payload()
	if err != nil {
		return fmt.Errorf("http data: %w", err)
	}
	switch {
	case r.Data == nil:
	case r.isGet():
		target.RawQuery = strings.Trim(target.RawQuery+"&"+quoteQuery(text), "&")
	default:
		if form && !r.hasContentType() {
			request.SetHeader("Content-Type", "application/x-www-form-urlencoded")
		}
		request.SetBody(text)
	}
	return nil
}

// payload encodes the data: JSON by the Content-Type header, else a mapping as form.
func (r *Request) payload() (text string, form bool, err error) {
	if r.isJSON() && !r.isGet() && r.Data != nil {
		text, err = jsonText(r.Data)
		return text, false, err
	}
	switch data := r.Data.(type) {
	case nil:
		return "", false, nil
	case string:
		return data, false, nil
	case map[string]any:
		text, err = formText(data)
		return text, true, err
	default:
		return "", false, errors.New("must be text or a mapping; for other values set the header Content-Type: application/json")
	}
}

// SendsNothing reports whether the data is none, or comes to a body or a query of blanks.
func (r *Request) SendsNothing() bool {
	if text, ok := r.Data.(string); ok { // of JSON too, where no text is not valid
		return strings.TrimSpace(text) == ""
	}
	text, _, err := r.payload()
	return err == nil && strings.TrimSpace(text) == ""
}

func (r *Request) isGet() bool { return strings.EqualFold(r.Method, http.MethodGet) }

func (r *Request) isJSON() bool {
	for name, value := range r.Headers {
		if strings.EqualFold(name, "Content-Type") && strings.Contains(strings.ToLower(value), "application/json") {
			return true
		}
	}
	return false
}

func (r *Request) hasContentType() bool {
	for name := range r.Headers {
		if strings.EqualFold(name, "Content-Type") {
			return true
		}
	}
	return false
}

// jsonText encodes data. A text is JSON already.
func jsonText(data any) (string, error) {
	if text, ok := data.(string); ok {
		if !json.Valid([]byte(text)) {
			return "", errors.New("the text is not valid JSON, which the Content-Type header promises")
		}
		return text, nil
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(params.FloatNumbers(data)); err != nil {
		return "", fmt.Errorf("encode as JSON: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// formText encodes a mapping as a form: null is left out, a list gives its key several
// times, booleans are True and False as in Python.
func formText(data map[string]any) (string, error) {
	values := url.Values{}
	for key, value := range data {
		list, isList := value.([]any)
		if !isList {
			list = []any{value}
		}
		for _, element := range list {
			if element == nil {
				continue
			}
			text, err := scalarText(element)
			if err != nil {
				return "", fmt.Errorf("key %q: %w", key, err)
			}
			values.Add(key, text)
		}
	}
	return values.Encode(), nil
}

func scalarText(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool:
		if v {
			return "True", nil
		}
		return "False", nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case int:
		return strconv.Itoa(v), nil
	case float64:
		return yamlvalue.PythonFloat(v), nil
	case json.Number: // out of the outbox
		return v.String(), nil
	default:
		return "", errors.New("a form takes text, numbers, booleans and lists of them; for other values set the header Content-Type: application/json")
	}
}
