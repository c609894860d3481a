// Usage: node.mjs WAY URL. Each way is one client; all print the body of the answer.
const [way, url] = process.argv.slice(2);
const headers = { authorization: `Bearer ${process.env.CLIENTS_API_KEY}` };

const ways = {
  async fetch() {
    return (await fetch(url, { headers })).text();
  },
  // A request object, a body that is a stream, and an answer that is large.
  async upload() {
    const chunk = new Uint8Array(64 << 10);
    let left = 64;
    const body = new ReadableStream({
      pull(controller) {
        if (left-- > 0) controller.enqueue(chunk);
        else controller.close();
      },
    });
    const answer = await fetch(new Request(url, { method: 'POST', headers, body, duplex: 'half' }));
    let length = 0;
    for await (const part of answer.body) length += part.length;
    return `${answer.headers.get('x-nonce')} ${length}`;
  },
  async sse() {
    const answer = await fetch(url, { headers });
    return follow(answer.body.pipeThrough(new TextDecoderStream()));
  },
  async https() {
    const https = await import('node:https');
    return request(https.get(url, { headers }));
  },
  async agent() {
    const https = await import('node:https');
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await request(https.get(url, { headers, agent })));
    agent.destroy();
    return answers.join('');
  },
  // An agent that makes its connections without a callback, as agentkeepalive does.
  async syncagent() {
    const https = await import('node:https');
    class Agent extends https.Agent {
      createConnection(options) {
        return https.Agent.prototype.createConnection.call(this, options);
      }
    }
    return request(https.get(url, { headers, agent: new Agent() }));
  },
  async https_upload() {
    const https = await import('node:https');
    const sent = https.request(url, { method: 'POST', headers: { ...headers, expect: '100-continue' } });
    sent.once('continue', () => {
      for (let i = 0; i < 64; i++) sent.write(Buffer.alloc(64 << 10));
      sent.end();
    });
    sent.flushHeaders();
    const answer = await new Promise((resolve, reject) => sent.on('response', resolve).on('error', reject));
    let length = 0;
    for await (const part of answer) length += part.length;
    return `${answer.headers['x-nonce']} ${length}`;
  },
  async http2() {
    const http2 = await import('node:http2');
    const session = http2.connect(new URL(url).origin);
    const stream = session.request({ ':path': new URL(url).pathname, ...headers });
    stream.setEncoding('utf8');
    let body = '';
    for await (const part of stream) body += part;
    session.close();
    return body;
  },
  async worker() {
    const { Worker } = await import('node:worker_threads');
    const source = `require('node:worker_threads').parentPort.postMessage(1);
      fetch(${JSON.stringify(url)}, {headers: ${JSON.stringify(headers)}}).then(a => a.text()).then(t => console.log(t));`;
    await new Promise((resolve, reject) => new Worker(source, { eval: true }).on('exit', resolve).on('error', reject));
    return '';
  },
  async child() {
    const { execFileSync } = await import('node:child_process');
    return execFileSync(process.execPath, [process.argv[1], 'https', url]);
  },
  async got() {
    const { default: got } = await import('got');
    return got(url, { headers }).text();
  },
  async node_fetch() {
    const { default: fetch } = await import('node-fetch');
    return (await fetch(url, { headers })).text();
  },
  async axios() {
    const { default: axios } = await import('axios');
    return JSON.stringify((await axios.get(url, { headers })).data);
  },
  async undici() {
    const { request } = await import('undici');
    return (await request(url, { headers })).body.text();
  },
  async openai() {
    const { default: OpenAI } = await import('openai');
    const client = new OpenAI();
    const answer = await client.chat.completions.create({
      model: 'm', stream: true, messages: [{ role: 'user', content: 'hello' }],
    });
    let said = '';
    for await (const part of answer) said += part.choices[0].delta.content;
    return said;
  },
  async anthropic() {
    const { default: Anthropic } = await import('@anthropic-ai/sdk');
    const answer = await new Anthropic().messages.create({
      model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'hello' }],
    });
    return answer.content[0].text;
  },
  async octokit() {
    const { Octokit } = await import('@octokit/rest');
    const octokit = new Octokit({ auth: process.env.GITHUB_TOKEN });
    return (await octokit.users.getAuthenticated()).data.login;
  },
  async ws() {
    const { default: WebSocket } = await import('ws');
    const socket = new WebSocket(url.replace('https:', 'wss:'), { headers });
    return exchange(socket);
  },
  async websocket() {
    return exchange(new WebSocket(url.replace('https:', 'wss:')));
  },
  // Plain HTTP goes through the proxy as well, which gives it no credential.
  async plain_fetch() {
    return (await fetch(url)).text();
  },
  async plain_http() {
    const http = await import('node:http');
    return request(http.get(url));
  },
  // Servers on this machine are nobody's business.
  async local() {
    const http = await import('node:http');
    const server = http.createServer((_, response) => response.end('local'));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const here = `http://127.0.0.1:${server.address().port}/`;
    const answers = [await (await fetch(here)).text(), await request(http.get(here)), await (await fetch(url, { headers })).text()];
    server.close();
    server.closeAllConnections();
    return answers.join(' ');
  },
  // What cannot be reached is an error that a program can catch, not the end of it.
  async failure() {
    const https = await import('node:https');
    const said = [];
    const nowhere = 'https://nowhere.test/';
    await fetch(nowhere).catch((error) => said.push(`fetch: ${error.name}`));
    await request(https.get(nowhere)).catch((error) => said.push(`https: ${error.name}`));
    const aborted = AbortSignal.timeout(1);
    await fetch(url, { headers, signal: aborted }).catch((error) => said.push(`abort: ${error.name}`));
    return `${said.join(', ')} ${await (await fetch(url, { headers })).text()}`;
  },
};

function request(sent) {
  return new Promise((resolve, reject) => {
    sent.on('error', reject).on('response', (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (part) => (body += part)).on('end', () => resolve(body)).on('error', reject);
    });
  });
}

// follow reads events; the server sends each one when it has heard that the one before has come.
async function follow(stream) {
  let all = '';
  for await (const part of stream) {
    all += part;
    const seen = all.split('\n\n').length - 1;
    await fetch(`${url}/seen?n=${seen}`, { method: 'POST', headers });
  }
  return all;
}

function exchange(socket) {
  return new Promise((resolve, reject) => {
    socket.onopen = () => socket.send('hello');
    socket.onerror = (event) => reject(event.error ?? new Error(event.message));
    socket.onmessage = ({ data }) => {
      socket.close();
      resolve(String(data));
    };
  });
}

console.log(String(await ways[way]()));
