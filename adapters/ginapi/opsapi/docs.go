package opsapi

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

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
)

const (
	documentPath = "/openapi.json"
	yamlPath     = "/openapi.yaml"
	docsPath     = "/docs"
	// DocsPolicy lets the page load parts from this server alone.
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

// registerDocs adds the OpenAPI document and the page that shows it. The page's parts are
// embedded, so that it works without a network.
func (a *API) registerDocs(r *rest.Router) {
	serve(r, documentPath, func(c *gin.Context) { a.sendDocument(c, "application/openapi+json", r.OpenAPI) })
	serve(r, yamlPath, func(c *gin.Context) { a.sendDocument(c, "application/openapi+yaml", r.OpenAPIYAML) })
	page := func(c *gin.Context) { sendPart(c, "text/html; charset=utf-8", []byte(docsPage)) }
	serve(r, docsPath, page)
	serve(r, docsPath+"/", page)
	serve(r, docsPath+"/start.js", func(c *gin.Context) {
		sendPart(c, "text/javascript; charset=utf-8", []byte(docsScript))
	})
	for _, name := range []string{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"} {
		serve(r, docsPath+"/"+name, func(c *gin.Context) { a.sendAsset(c, name) })
	}
}

// serve adds a page that is not in the document.
func serve(r *rest.Router, path string, send func(*gin.Context)) {
	r.Hot(rest.Operation{
		Method: http.MethodGet, Path: path, Routes: []string{path}, Open: true, Hidden: true,
	}, func(c *gin.Context, _ *rest.Input) { send(c) })
}

func (a *API) sendDocument(c *gin.Context, mediaType string, encode func() ([]byte, error)) {
	body, err := encode()
	if err != nil {
		a.router.Fail(c, err)
		return
	}
	c.Header("Cache-Control", "no-cache")
	c.Data(http.StatusOK, mediaType, body)
}

func sendPart(c *gin.Context, mediaType string, body []byte) {
	c.Header("Cache-Control", "no-cache")
	rest.SendPolicy(c, docsPolicy)
	c.Data(http.StatusOK, mediaType, body)
}

// sendAsset sends a part of the page as it is embedded, which may be compressed, and
// decompresses it for clients that do not accept that.
func (a *API) sendAsset(c *gin.Context, name string) {
	body, err := static.FS.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		body, err = a.compressedAsset(c, name)
	}
	if err != nil {
		a.router.Fail(c, err)
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
