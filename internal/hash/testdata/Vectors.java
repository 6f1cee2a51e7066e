import java.util.*;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.state.internals.Murmur3;

// Prints the hashes of Kafka: java.txt is its output. Run with the jars of
// kafka-clients and kafka-streams: java -cp … Vectors.java
class Vectors {
    static void put(byte[] b) {
        int m2 = Utils.murmur2(b);
        long[] m3 = Murmur3.hash128(b);
        System.out.printf("x%s %d %d %016x %016x%n", HexFormat.of().formatHex(b), m2, Utils.toPositive(m2) % 10, m3[0], m3[1]);
    }

    public static void main(String[] args) {
        Random random = new Random(1);
        for (int n = 0; n <= 48; n++) {
            byte[] b = new byte[n];
            random.nextBytes(b);
            put(b);
            Arrays.fill(b, (byte) 0xff);
            put(b);
        }
        for (String s : List.of("k", "hello", "kafka-streams", "日本", "Fx", "hello world, this is longer than 16 bytes")) {
            put(s.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        }
    }
}
