import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** Usage: Client WAY URL. Each way is one client; all print the body of the answer. */
class Client {
    public static void main(String[] args) throws Exception {
        URI uri = URI.create(args[1]);
        String key = "Bearer " + System.getenv("CLIENTS_API_KEY");
        if (args[0].equals("httpclient")) {
            HttpRequest request = HttpRequest.newBuilder(uri).header("Authorization", key).build();
            HttpResponse<String> answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println(answer.version() + " " + answer.body());
        } else {
            var connection = uri.toURL().openConnection();
            connection.setRequestProperty("Authorization", key);
            System.out.println(new String(connection.getInputStream().readAllBytes()));
        }
    }
}
