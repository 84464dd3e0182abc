package sandbox

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strings"
)

// keepMedia is how many files are kept; the oldest go first.
const keepMedia = 100

// Media is a file that was uploaded.
type Media struct {
	ID string `json:"id"`
	// Type is image, voice, video or file.
	Type        string `json:"type"`
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	Content     []byte `json:"-"`
	// Size is the length of Content.
	Size int `json:"size"`
}

// mediaRule is what DingTalk takes of one type.
type mediaRule struct {
	maxBytes   int
	extensions []string
}

func mediaRules() map[string]mediaRule {
	return map[string]mediaRule{
		"image": {20 << 20, []string{"jpg", "gif", "png", "bmp"}},
		"voice": {2 << 20, []string{"amr", "mp3", "wav"}},
		"video": {20 << 20, []string{"mp4"}},
		"file":  {20 << 20, []string{"doc", "docx", "xls", "xlsx", "ppt", "pptx", "zip", "pdf", "rar"}},
	}
}

func mediaCalls() []call {
	return endpointCalls(
		// DingTalk docs: https://open.dingtalk.com/document/development/upload-media-files
		endpoint{
			name: "media.upload", method: http.MethodPost, path: "/media/upload", scope: "qyapi_base",
			query: params{may("type", aText)}, ownBody: true, do: (*Server).mediaUpload,
		},
	)
}

// mediaUpload wants the type in the query, where public clients send it, and takes the same
// in the form. The real call refuses a type in the form alone. What a file is, its name says.
func (s *Server) mediaUpload(req *appRequest) (any, *refusal) {
	m, r := readMedia(req)
	if r != nil {
		return nil, r
	}
	form := m.Type
	m.Type = req.text("type")
	rule, known := mediaRules()[m.Type]
	extension := strings.ToLower(strings.TrimPrefix(path.Ext(m.Name), "."))
	switch {
	case !known || form != "" && form != m.Type:
		return nil, refuse(40004)
	case !slices.Contains(rule.extensions, extension):
		return nil, refuse(40005)
	case m.Size == 0 || m.Size > rule.maxBytes:
		return nil, refuse(40006)
	}
	m.ID = "@lA" + s.ids.code(20)
	s.media = last(append(s.media, m), keepMedia)
	return object{"type": m.Type, "media_id": m.ID, "created_at": req.at.UnixMilli()}, nil
}

func readMedia(req *appRequest) (*Media, *refusal) {
	mediaType, attributes, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/form-data" {
		return nil, refuse(43008)
	}
	m := &Media{}
	parts := multipart.NewReader(bytes.NewReader(req.body), attributes["boundary"])
	for {
		part, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // NextPart returns it as it is
			return m, nil
		}
		if err != nil {
			return nil, refuse(43008)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, refuse(43008)
		}
		switch part.FormName() {
		case "type":
			m.Type = string(content)
		case "media":
			m.Name, m.ContentType = part.FileName(), part.Header.Get("Content-Type")
			m.Content, m.Size = content, len(content)
		}
	}
}

// Media returns the file with a media id, or an error that wraps [ErrNotFound]. The
// caller must not change the content.
func (s *Server) Media(id string) (Media, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := find(s.media, func(m *Media) bool { return m.ID == id }); m != nil {
		return *m, nil
	}
	return Media{}, fmt.Errorf("media %q: %w", id, ErrNotFound)
}
