import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.strimzi.api.kafka.model.common.UnknownPropertyPreserving;
import io.strimzi.api.kafka.model.topic.KafkaTopic;
import io.strimzi.api.kafka.model.user.KafkaUser;
import java.util.Map;

/** Reads Strimzi's resources, a JSON list on standard input, as its operators do; writes what they would not know. */
class StrimziKinds {
    static final Map<String, Class<?>> KINDS = Map.of("KafkaTopic", KafkaTopic.class, "KafkaUser", KafkaUser.class);

    public static void main(String[] arguments) throws Exception {
        ObjectMapper mapper = new ObjectMapper();
        for (JsonNode resource : mapper.readTree(System.in)) {
            String name = resource.get("kind").asText() + " " + resource.at("/metadata/name").asText();
            try {
                tell(name, mapper.treeToValue(resource, KINDS.get(resource.get("kind").asText())));
            } catch (JsonProcessingException error) {
                System.out.println(name + ": " + error.getOriginalMessage());
            }
        }
    }

    static void tell(String where, Object value) throws ReflectiveOperationException {
        if (value instanceof Iterable<?> list) {
            for (Object each : list) {
                if (each == null) System.out.println(where + ": unknown value");
                tell(where, each);
            }
        }
        if (value instanceof UnknownPropertyPreserving found) {
            found.getAdditionalProperties().forEach((key, unknown) -> System.out.println(where + ": unknown " + key));
            for (var method : value.getClass().getMethods()) {
                if (method.getName().startsWith("get") && method.getParameterCount() == 0 && !method.isBridge()
                        && !method.getName().equals("getAdditionalProperties")) {
                    tell(where + "." + method.getName().substring(3), method.invoke(value));
                }
            }
        }
    }
}
