package mcp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// envEndpoint tells this binary to be a client of the MCP server there.
const envEndpoint = "TEST_MCP_ENDPOINT"

// client is an agent's MCP client that knows nothing of authorization: it calls one tool and prints what it says. Its
// server is on loopback, which programs keep out of proxies, so it is told to use the proxy all the same.
func client(endpoint string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	said, err := call(ctx, endpoint)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(said)
	return 0
}

func call(ctx context.Context, endpoint string) (string, error) {
	proxy, err := url.Parse(os.Getenv("HTTPS_PROXY"))
	if err != nil {
		return "", err
	}
	transport := &mcp.StreamableClientTransport{
		Endpoint: endpoint, HTTPClient: &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}},
		MaxRetries: -1, DisableStandaloneSSE: true,
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "agent", Version: "1"}, nil).Connect(ctx, transport, nil)
	if err != nil {
		return "", fmt.Errorf("connect: %w", err)
	}
	defer session.Close()
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "greet", Arguments: map[string]any{"name": "agent"}})
	if err != nil {
		return "", fmt.Errorf("call the tool: %w", err)
	}
	for _, content := range result.Content {
		if text, ok := content.(*mcp.TextContent); ok {
			return text.Text, nil
		}
	}
	return "", fmt.Errorf("the tool said nothing")
}
