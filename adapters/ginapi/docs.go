package ginapi

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/swaggest/swgui/v5/static"
)

const (
	documentPath = "/openapi.json"
	yamlPath     = "/openapi.yaml"
	docsPath     = "/docs"
	// DocsPolicy lets the page use what this server holds and nothing else.
	docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

const docsPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Signalbox</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`

const docsScript = `window.addEventListener("load", function () {
  SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
});
`

// routeDocuments registers the OpenAPI document and the page that shows it. The
// page's parts are embedded, so that it works without a network.
func (a *API) routeDocuments() {
	a.serve(documentPath, func(c *gin.Context) { a.sendDocument(c, "application/openapi+json") })
	a.serve(yamlPath, func(c *gin.Context) { a.sendDocument(c, "application/openapi+yaml") })
	page := func(c *gin.Context) { sendPart(c, "text/html; charset=utf-8", []byte(docsPage)) }
	a.serve(docsPath, page)
	a.serve(docsPath+"/", page)
	a.serve(docsPath+"/start.js", func(c *gin.Context) {
		sendPart(c, "text/javascript; charset=utf-8", []byte(docsScript))
	})
	for _, name := range []string{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"} {
		a.serve(docsPath+"/"+name, func(c *gin.Context) { a.sendAsset(c, name) })
	}
}

// serve registers a page that is no operation, and so is not in the document.
func (a *API) serve(path string, handler gin.HandlerFunc) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		a.templates[method+path] = path
		a.engine.Handle(method, path, handler)
	}
}

func (a *API) sendDocument(c *gin.Context, mediaType string) {
	d, err := a.document()
	if err != nil {
		a.fail(c, err)
		return
	}
	body := d.json
	if strings.HasSuffix(mediaType, "yaml") {
		body = d.yaml
	}
	c.Header("Cache-Control", "no-cache")
	c.Data(http.StatusOK, mediaType, body)
}

func sendPart(c *gin.Context, mediaType string, body []byte) {
	c.Header("Cache-Control", "no-cache")
	c.Header("Content-Security-Policy", docsPolicy)
	c.Data(http.StatusOK, mediaType, body)
}

// sendAsset sends a part of the page as it is embedded, which for texts is
// compressed, and takes it out of the compression for who cannot do so.
func (a *API) sendAsset(c *gin.Context, name string) {
	body, err := static.FS.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		body, err = a.compressedAsset(c, name)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	sendPart(c, mime.TypeByExtension(path.Ext(name)), body)
}

func (a *API) compressedAsset(c *gin.Context, name string) ([]byte, error) {
	body, err := static.FS.ReadFile(name + ".gz")
	if err != nil {
		return nil, fmt.Errorf("read page part %s: %w", name, err)
	}
	c.Header("Vary", "Accept-Encoding")
	if strings.Contains(c.GetHeader("Accept-Encoding"), "gzip") {
		c.Header("Content-Encoding", "gzip")
		return body, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("open page part %s: %w", name, err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("decompress page part %s: %w", name, err)
	}
	return plain, nil
}
