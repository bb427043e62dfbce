/// A passage to try, with questions that it answers.
struct Sample: Identifiable, Equatable {
    let title: String
    let passage: String
    let questions: [String]

    var id: String { title }

    static let all = [
        Sample(
            title: "The lamps on the ice",
            passage: """
                When the harbour froze in the winter of 1893, the ferrymen's wives kept lamps \
                burning on both shores so that walkers could find the path across the ice. Nobody \
                had planned it: the first lamp was Mrs. Østergaard's, hung from a broken oar, and \
                by the third night there were forty-one of them. The mayor, who disliked expense, \
                offered to pay for the oil; they declined. In spring the oars went back to the \
                boats, but the custom remained.
                """,
            questions: [
                "When did the harbour freeze?",
                "How many lamps were there by the third night?",
                "What did the first lamp hang from?",
                "Who offered to pay for the oil?",
            ]
        ),
        Sample(
            title: "A bakery at night",
            passage: """
                The ovens at Lindqvist's are lit at half past one. Rye goes in first, because it \
                needs the fiercest heat, then the wheat loaves, and last the cinnamon rolls, which \
                would burn beside the rye. Anna Lindqvist bought the bakery from her uncle in 2009 \
                for the price of its flour. She kept his sourdough, which is older than she is, \
                and threw out his radio. Two apprentices carry the trays; the younger, Tomas, \
                wants to become a pilot.
                """,
            questions: [
                "Which bread is baked first?",
                "Who did Anna buy the bakery from?",
                "What does Tomas want to become?",
                "When are the ovens lit?",
            ]
        ),
        Sample(
            title: "How a tide pool empties",
            passage: """
                A tide pool loses its water in three ways. Most of it drains through cracks in the \
                rock within an hour after the sea has left. A part is drawn up by seaweed, which \
                swells and stays wet until evening. The rest evaporates, and since salt does not, \
                the last puddle of a hot day can be twice as salty as the sea. Limpets clamp their \
                shells to the stone to keep a mouthful of water; small crabs hide under weed.
                """,
            questions: [
                "What happens to most of the water?",
                "How salty can the last puddle be?",
                "What do limpets do to keep water?",
                "Where do small crabs hide?",
            ]
        ),
    ]
}
