package smtp

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Docs are the comments of the parameters, for the structs that embed [Params].
func Docs() params.Docs { return params.ParseDocs(docsJSON) }

// DefaultConnID is the connection unless another is named.
const DefaultConnID = "smtp_default"

// Params describe a mail in DAG files. Structs of parameters embed it.
type Params struct {
	// To are the addresses of the recipients: a list, or one text in which they are separated
	// by , or ;. An address may have a name: "Ann Li <ann@example.com>".
	To []string `yaml:"to" json:"to" param:"required,template,single"`
	// From is the address of the sender; by default from_email of the connection's extra.
	From string `yaml:"from_email" json:"from_email,omitempty" param:"template"`
	// Subject is the subject; by default the file that subject_template in the connection's
	// extra names is rendered.
	Subject string `yaml:"subject" json:"subject,omitempty" param:"template"`
	// HTMLContent is the content, in HTML, or the name of a template file that ends in .html.
	// By default the file that html_content_template in the connection's extra names is
	// rendered.
	HTMLContent string `yaml:"html_content" json:"html_content,omitempty" param:"template,files=.html"`
	// Files are the paths of files to attach, relative to the folder of the DAG file, on the
	// machine that sends.
	Files []string `yaml:"files" json:"files,omitempty" param:"template,single"`
	// Cc are the addresses that get a copy.
	Cc []string `yaml:"cc" json:"cc,omitempty" param:"template,single"`
	// Bcc are the addresses that get a blind copy.
	Bcc []string `yaml:"bcc" json:"bcc,omitempty" param:"template,single"`
	// MIMESubtype is mixed, or related for pictures that the HTML refers to by file name: <img
	// src="cid:chart.png">.
	MIMESubtype string `yaml:"mime_subtype" json:"mime_subtype,omitempty" param:"default=mixed,template"`
	// MIMECharset is the encoding of the content.
	MIMECharset string `yaml:"mime_charset" json:"mime_charset,omitempty" param:"default=utf-8,template"`
	// CustomHeaders are headers to add.
	CustomHeaders map[string]string `yaml:"custom_headers" json:"custom_headers,omitempty" param:"template"`
}

// Validate checks what is no template.
func (p *Params) Validate() error {
	errs := []error{params.At("mime_subtype", unlessTemplate(p.MIMESubtype, checkSubtype))}
	errs = append(errs, params.At("mime_charset", unlessTemplate(p.MIMECharset, checkCharset)))
	for _, list := range []struct {
		name      string
		addresses []string
	}{{"to", p.To}, {"cc", p.Cc}, {"bcc", p.Bcc}, {"from_email", given(p.From)}} {
		for _, text := range list.addresses {
			errs = append(errs, params.At(list.name, unlessTemplate(text, checkAddresses)))
		}
	}
	if len(p.To) == 0 {
		errs = append(errs, params.At("to", errors.New("to names nobody")))
	}
	for name := range p.CustomHeaders {
		errs = append(errs, params.At("custom_headers", checkHeader(name)))
	}
	return errors.Join(errs...)
}

func given(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

func unlessTemplate(text string, check func(string) error) error {
	if yamlvalue.HoldsTemplate(text) {
		return nil
	}
	return check(text)
}

// Mail is the mail that the parameters describe, once they are rendered.
func (p *Params) Mail() Mail {
	return Mail{
		From: p.From, To: p.To, Cc: p.Cc, Bcc: p.Bcc, Subject: p.Subject, HTML: p.HTMLContent, Files: p.Files,
		MIMESubtype: p.MIMESubtype, MIMECharset: p.MIMECharset, Headers: p.CustomHeaders,
	}
}

// checkHeader refuses headers that another parameter sets.
func checkHeader(name string) error {
	switch strings.ToLower(name) {
	case "from", "to", "cc", "bcc", "subject", "content-type", "content-transfer-encoding", "mime-version":
		return fmt.Errorf("the header %s is written from the other parameters", name)
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == ':' || r > '~' }) {
		return fmt.Errorf("%q is not a valid header name", name)
	}
	return nil
}
