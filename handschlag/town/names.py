"""Names of invented people, put together from given names in common use and made-up stems and endings.

All are written in Latin script, as German offices write them. A whole name that belongs to somebody is chance.
"""

from dataclasses import dataclass
from typing import Final

from handschlag.town.spelling import Script


@dataclass(frozen=True, slots=True)
class Origin:
    """Where people come from: state (ISO code), how often, language, and the parts of their names.

    `script` is the writing their names come from, which decides how offices come to spell them differently. `feminine`
    changes the ending of a woman's family name; `year_only` is how many in a hundred know only the year of their birth.
    """

    name: str
    script: Script
    country: str
    weight: int
    language: str
    year_only: int
    women: tuple[str, ...]
    men: tuple[str, ...]
    stems: tuple[str, ...]
    endings: tuple[str, ...]
    places: tuple[str, ...]
    feminine: tuple[tuple[str, str], ...] = ()


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_SLAVIC: Final = (("skyi", "ska"), ("skiy", "skaya"), ("ov", "ova"), ("ev", "eva"), ("in", "ina"))

ORIGINS: Final = (
    Origin(
        name="arabic",
        script="arabic",
        country="sy",
        weight=24,
        language="ar",
        year_only=15,
        women=_words(
            "Amal Fatima Hanan Iman Layla Maryam Mona Nour Rania Rasha Reem Salma Samira Sawsan Yasmin Zainab"
        ),
        men=_words(
            "Abdelkarim Ahmad Ali Bassam Faris Ghassan Hassan Hussein Ibrahim Karim Khaled Mahmoud Mohammad Nabil"
            " Nour-al-Din Omar Samer Tarek Yousef"
        ),
        stems=_words("Al-Bar Al-Ham Al-Jab Al-Kas Al-Mas Al-Qas Al-Sham Dar Fayy Hal Had Kan Mar Nas Sab Taw"),
        endings=_words("ad an ari awi eedi el ouri oum udi ziz"),
        places=_words("Aleppo Damaskus Homs Hama Deir-ez-Zor Latakia"),
    ),
    Origin(
        name="iraqi",
        script="arabic",
        country="iq",
        weight=6,
        language="ar",
        year_only=20,
        women=_words("Amira Dunya Hala Huda Israa Noor Rana Sahar Shahad Sura Zahraa Zina"),
        men=_words("Abbas Ammar Anwar Haider Jaafar Laith Mustafa Qasim Raad Saif Yasin Zaid"),
        stems=_words("Al-Baz Al-Dul Al-Faj Al-Jan Al-Khaz Al-Rub Al-Saad Hash Jal Kadh Taj"),
        endings=_words("abi aimi ali awi ili imi oun uri"),
        places=_words("Bagdad Basra Mossul Kirkuk Nadschaf"),
    ),
    Origin(
        name="kurdish",
        script="latin",
        country="iq",
        weight=7,
        language="ku",
        year_only=20,
        women=_words("Avîn Berfîn Dilnaz Evîn Gulistan Helîn Jiyan Nazdar Rojîn Rûken Şîlan Zozan"),
        men=_words("Azad Baran Diyar Ferhad Hêvîdar Kawa Mîran Rêber Rizgar Serhat Şivan Zinar"),
        stems=_words("Bar Ber Cud Der Hes Kobar Mîr Roj Ser Zer Zîv"),
        endings=_words("ankar dar ewî han îkan oyan van xwaz"),
        places=_words("Erbil Dohuk Sulaimaniyya Qamischli Kobane"),
    ),
    Origin(
        name="dari",
        script="persian",
        country="af",
        weight=14,
        language="fa-AF",
        year_only=40,
        women=_words("Arezo Fereshta Freshta Habiba Khadija Laila Marwa Nargis Parwana Shabnam Shukria Zohra"),
        men=_words("Abdul Ahmad-Shah Esmatullah Farid Hamid Jawad Mirwais Mohammad-Ali Najib Rahim Sayed Zabihullah"),
        stems=_words("Akbar Alim Amir Asad Faqir Ghafur Haidar Jamal Karim Nazar Qader Rahmat Sarwar"),
        endings=_words("i ian istani khil pur yan yar zada zai"),
        places=_words("Kabul Herat Ghazni Bamiyan Masar-e-Scharif"),
    ),
    Origin(
        name="pashto",
        script="persian",
        country="af",
        weight=7,
        language="ps",
        year_only=45,
        women=_words("Brekhna Gulalai Malalai Palwasha Sanga Spogmai Storai Wranga Zarghuna"),
        men=_words("Asadullah Gulab Hekmatullah Janan Khan-Mohammad Nangialai Samiullah Spin Wali Zalmai Zmarai"),
        stems=_words("Achak Babr Khog Mang Niaz Orm Shin Stan Tar Ward Zadr"),
        endings=_words("ak akhel al any iani khel wal yani zai"),
        places=_words("Dschalalabad Kandahar Chost Kundus Laschkar-Gah"),
    ),
    Origin(
        name="persian",
        script="persian",
        country="ir",
        weight=5,
        language="fa",
        year_only=2,
        women=_words("Azadeh Elaheh Farzaneh Mahsa Mina Nasrin Niloufar Parisa Shirin Zahra"),
        men=_words("Amir Arash Behrouz Dariush Farhad Gholamreza Hossein Mehdi Navid Reza Saeed Shahrokh"),
        stems=_words("Bahram Ebrahim Farrokh Golest Jahan Kazem Mort Nouri Rostam Sohr"),
        endings=_words("abadi ani azadeh i ifar ikhah inia ipour"),
        places=_words("Teheran Isfahan Schiras Täbris Maschhad"),
    ),
    Origin(
        name="ukrainian",
        script="cyrillic",
        country="ua",
        weight=20,
        language="uk",
        year_only=0,
        women=_words("Halyna Iryna Kateryna Liudmyla Mariia Nadiia Natalia Oksana Olena Svitlana Tetiana Yuliia"),
        men=_words("Andrii Bohdan Dmytro Ihor Ivan Maksym Mykola Oleksandr Serhii Taras Vasyl Yurii"),
        stems=_words("Berez Borys Dov Hav Hor Khom Lys Naz Ostap Rud Sav Tkal Zhur"),
        endings=_words("chenko chuk enko etskyi iuk ko ovskyi yshyn ytskyi"),
        places=_words("Charkiw Kyjiw Mariupol Odessa Saporischschja"),
        feminine=_SLAVIC,
    ),
    Origin(
        name="russian",
        script="cyrillic",
        country="ru",
        weight=4,
        language="ru",
        year_only=0,
        women=_words("Alina Anna Ekaterina Elena Galina Irina Olga Svetlana Tatiana Yulia"),
        men=_words("Aleksandr Andrey Dmitriy Evgeniy Ivan Mikhail Nikolay Pavel Sergey Vladimir Yuriy"),
        stems=_words("Bel Gor Kras Len Mor Ozer Pol Ryab Sin Ver"),
        endings=_words("ilin ishchev kin niskiy ovskiy tsov unin yakov"),
        places=_words("Omsk Grosny Kasan Samara Wolgograd"),
        feminine=_SLAVIC,
    ),
    Origin(
        name="turkish",
        script="latin",
        country="tr",
        weight=8,
        language="tr",
        year_only=2,
        women=_words("Aylin Ayşe Emine Esra Fatma Gülay Hatice Meryem Nurcan Özlem Şule Zeynep"),
        men=_words("Ahmet Ali Burak Emre Hasan Hüseyin İbrahim Mehmet Murat Mustafa Ömer Yusuf"),
        stems=_words("Ak Ay Boz Çam Demir Er Gök Gün Kara Öz Şen Taş Yal"),
        endings=_words("ağaç alp bulut can çelik dağ dere gül kaya oğlu soy tepe"),
        places=_words("Istanbul Ankara Adana Gaziantep Van"),
    ),
    Origin(
        name="tigrinya",
        script="ethiopic",
        country="er",
        weight=6,
        language="ti",
        year_only=30,
        women=_words("Abeba Almaz Azmera Feven Helen Hiwet Letebrhan Luwam Mehret Selam Senait Winta"),
        men=_words("Abel Amanuel Berhane Daniel Filmon Ghirmay Goitom Hagos Isaias Kidane Merhawi Samuel Tsegay Yonas"),
        stems=_words("Desta Fitsum Gebre Habte Kifle Mebra Tekle Tesfa Tewelde Welde Zere"),
        endings=_words("ab berhan hannes hiwot kristos mariam michael selassie tsion yesus"),
        places=_words("Asmara Keren Massawa Mendefera Dekemhare"),
    ),
    Origin(
        name="somali",
        script="latin",
        country="so",
        weight=5,
        language="so",
        year_only=40,
        women=_words("Aamina Asha Faduma Habiba Hodan Idil Ifrah Khadra Nasteho Sagal Sahra Ubah"),
        men=_words("Abdullahi Abshir Ahmed Cabdi Farah Guled Ismail Liban Mahad Mohamed Warsame Yusuf"),
        stems=_words("Abdi Cal Cum Dah Fara Guul Jama Mah Mux Nuur Xir"),
        endings=_words("ad aweys ed iye kaar ow sade shiid walle"),
        places=_words("Mogadischu Hargeysa Kismaayo Baidoa Galkayo"),
    ),
    Origin(
        name="west_african",
        script="latin",
        country="gn",
        weight=5,
        language="fr",
        year_only=25,
        women=_words("Adama Aïssatou Binta Djenabou Fatoumata Hawa Kadiatou Mariama Oumou Ramatoulaye"),
        men=_words("Abdoulaye Alpha Amadou Boubacar Ibrahima Lamine Mamadou Ousmane Sékou Thierno"),
        stems=_words("Bal Cam Con Dia Fof Kei Mba Sang Syl Tou Yat"),
        endings=_words("ana ara ayo dé illa oubé ouma oura undé"),
        places=_words("Conakry Kankan Labé Kindia Mamou"),
    ),
    Origin(
        name="german",
        script="latin",
        country="de",
        weight=0,
        language="de",
        year_only=0,
        women=_words("Andrea Birgit Claudia Heike Jana Katrin Lena Monika Petra Sabine Silke Ute"),
        men=_words("Bernd Dieter Frank Holger Jens Klaus Martin Olaf Ralf Stefan Thomas Uwe"),
        stems=_words("Birken Brunn Eichen Feld Groß Hasel Kirch Linden Mühl Sommer Stein Wiesen"),
        endings=_words("bauer berg brink feld hoff horst kamp mann meyer stedt"),
        places=_words("Musterstadt Osnabrück Bremen Hannover Leer"),
    ),
)

STREETS: Final = _words(
    "Ahornweg Bahnhofstraße Birkenallee Deichstraße Gartenweg Hafenstraße Lindenstraße Marktplatz Mühlenweg"
)
